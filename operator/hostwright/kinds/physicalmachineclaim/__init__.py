"""PhysicalMachineClaim: a team's claim to one server, as a volume claim is one to a volume."""
