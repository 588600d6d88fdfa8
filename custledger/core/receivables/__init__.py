"""What is owed, and the ladder of steps."""
