"""A real OpenStack control plane on one machine, without hypervisor, message broker or containers."""
