"""MachineImage: one image under one name on every Provider."""
