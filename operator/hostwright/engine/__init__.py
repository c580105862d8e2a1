"""The loop: look, decide, do one thing, say so, look again."""
