"""The trail's mathematics: chains, trees, seals, signed notes."""
