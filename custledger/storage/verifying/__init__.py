"""Verification: the trail, its seals and every copy against each other."""
