"""A vCenter of one's own, and the hand behind its back."""
