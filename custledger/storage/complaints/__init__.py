"""Complaints as events of their customers' chains."""
