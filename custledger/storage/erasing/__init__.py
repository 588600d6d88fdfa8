"""Erasure that leaves the trail verifiable, and its traces."""
