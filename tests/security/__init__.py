"""What nobody may learn from our words."""
