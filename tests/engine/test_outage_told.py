"""An outage is told on a Provider's machines 120 s after it began, and on no more than 50 a second."""

import uuid
from collections import Counter
from datetime import UTC, datetime

from hostwright.core.errors import Unreachable
from hostwright.core.names import Condition
from hostwright.core.port import Trace, Unsure
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.kinds.virtualmachine.situation import Backend, Situation
from hostwright.kinds.virtualmachine.status import VirtualMachineStatus

MACHINES = 3000
NOW = "2026-01-01T00:00:00Z"


def _told_at(machine_id: str, machines: int) -> float:
    """Seconds of the outage until this machine says so, looked at whenever it asks to be."""
    down_for = 1.0
    while True:
        decision = decide(_settled(machine_id, machines, down_for))
        if any(item.type is Condition.READY and item.status is None for item in decision.said):
            return down_for
        assert decision.look_again
        down_for += decision.look_again


def _settled(machine_id: str, machines: int, down_for: float) -> Situation:
    rows = [
        {
            "type": kind,
            "status": "True",
            "reason": "Settled",
            "message": "",
            "lastTransitionTime": NOW,
            "observedGeneration": 1,
        }
        for kind in (Condition.READY, Condition.PROVISIONED, Condition.UP_TO_DATE)
    ]
    return Situation(
        spec=VirtualMachineSpec.model_validate(
            {
                "providerRef": {"name": "sim"},
                "resources": {"cpu": 1, "memory": "512Mi"},
                "imageRef": {"name": "tiny"},
                "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
            }
        ),
        status=VirtualMachineStatus.model_validate({"observedGeneration": 1, "conditions": rows}),
        generation=1,
        trace=Trace(machine_id, "", "", "web", "team-a", "web"),
        wanted=None,
        look=Unsure("away"),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        backend=Backend(failure=Unreachable("away"), down_for=down_for, machines=machines),
    )


def test_the_only_machine_of_a_provider_says_so_after_two_minutes() -> None:
    assert _told_at(str(uuid.uuid4()), 1) == 120


def test_many_machines_say_so_one_after_the_other() -> None:
    ids = (str(uuid.uuid5(uuid.NAMESPACE_DNS, str(number))) for number in range(MACHINES))
    times = [_told_at(machine_id, MACHINES) for machine_id in ids]
    assert min(times) >= 120
    assert max(times) <= 120 + MACHINES / 50
    each_second = Counter(int(moment) for moment in times)
    assert max(each_second.values()) <= 80  # 50 on the average; places are by a hash
