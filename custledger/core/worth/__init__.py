"""What customers bring, and what the firm itself does wrong."""
