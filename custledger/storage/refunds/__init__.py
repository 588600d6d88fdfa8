"""Deals, terms and cases of refunds, read from the ledger."""
