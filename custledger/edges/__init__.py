"""Free functions over a ledger: what comes in from files and goes out to people."""
