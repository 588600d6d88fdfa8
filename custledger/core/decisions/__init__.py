"""Decisions: events, rules, where they stand, and the one door."""
