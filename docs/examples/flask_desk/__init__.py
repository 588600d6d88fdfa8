"""A booking site on Flask that keeps its bookings and a ledger in one database."""
