"""PhysicalMachine: a server in a rack, reached over its BMC and kept as written."""
