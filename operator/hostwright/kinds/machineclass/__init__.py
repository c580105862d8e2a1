"""MachineClass: a size under a name."""
