"""MachinePool: a number of machines made from one template, scaled and rolled."""
