"""VirtualMachine: a server on a Provider, kept as written."""
