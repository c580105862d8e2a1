"""The backends: one folder for each, found by the shape of its ``BACKEND``."""
