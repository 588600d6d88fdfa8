"""Erasure, its register, retention and subject access, as values."""
