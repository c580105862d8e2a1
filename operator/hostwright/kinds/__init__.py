"""The nouns: one folder for each kind (resource, port, decide, perform)."""
