"""The receivables book: what is unpaid, what is done about it, and what is not, for good reason."""

from __future__ import annotations

from custledger.books.receivables.book import ReceivablesBook

__all__ = ["ReceivablesBook"]
