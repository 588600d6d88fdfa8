"""Dossiers: what is in one, how it is checked, and how it reads."""
