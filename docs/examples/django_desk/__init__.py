"""A small shop on Django whose orders are recorded in a ledger."""
