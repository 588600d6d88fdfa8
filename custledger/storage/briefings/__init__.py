"""What briefings are made from."""
