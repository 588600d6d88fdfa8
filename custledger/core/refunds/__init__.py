"""Refund terms, assessments, advice and how good it was."""
