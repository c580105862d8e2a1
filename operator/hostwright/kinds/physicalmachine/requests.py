"""The one-shot requests of a PhysicalMachine, by their keys in status.handled."""

from hostwright.kinds.physicalmachine.resource import PhysicalMachineSpec


def one_shots(spec: PhysicalMachineSpec) -> dict[str, str]:
    """Every token as it is written now."""
    requests = spec.requests
    return {
        "restartedAt": spec.restarted_at or "",
        "inspect": requests.inspect,
        "bmcReset": requests.bmc_reset,
        "retry": requests.retry,
        "acceptIdentity": requests.accept_identity,
    }
