"""Seals and checkpoints: making, signing, publishing, resuming."""
