"""The command line: `hostwright`."""
