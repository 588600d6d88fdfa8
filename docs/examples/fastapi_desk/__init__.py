"""A help desk on FastAPI that keeps its tickets and a ledger in one database."""
