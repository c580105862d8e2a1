"""Provider: one backend with its login, catalog and limits."""
