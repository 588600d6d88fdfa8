"""The bad-fit score: what goes in, the formula, and its reasons."""
