"""The standings behind the score, as one select."""
