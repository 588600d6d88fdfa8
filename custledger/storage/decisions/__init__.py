"""Decisions as events, and the door that asks for them."""
