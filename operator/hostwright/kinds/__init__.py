"""The nouns: one folder for each kind (resource: its fields; port: what a backend must offer; decide: what is next)."""
