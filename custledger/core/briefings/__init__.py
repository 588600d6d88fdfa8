"""Briefings: what staff need to know, and pages of it."""
