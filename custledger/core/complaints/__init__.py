"""Complaints: plans, clocks, events and what follows from them."""
