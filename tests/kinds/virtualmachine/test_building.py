"""What is said of a machine while it is built for the first time, and later."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hostwright.core.port import LedgerRow, Present, Trace
from hostwright.kinds.virtualmachine.decide import decide
from hostwright.kinds.virtualmachine.port import Found, Life, MachineShape, Power, Twin
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.status import VirtualMachineStatus

MADE = datetime(2026, 1, 1, tzinfo=UTC)
MARK = "hw:00000000000000aa:1"
FOUND = Found(
    life=Life.BUILDING,
    id="server-1",
    provider_id="openstack:///r/server-1",
    created_at=MADE,
    twins=(Twin("server-1", "default-web-1", Life.BUILDING, MADE),),
)


def situation(found: Found, **status: Any) -> Situation:
    spec = {
        "providerRef": {"name": "lab"},
        "classRef": {"name": "small"},
        "imageRef": {"name": "tiny"},
        "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
    }
    return Situation(
        spec=VirtualMachineSpec.model_validate(spec),
        status=VirtualMachineStatus.model_validate(status),
        generation=1,
        trace=Trace("1", MARK, MARK[:-1], "default-web-1", "default", "web", ledger=(LedgerRow("server", "server-1"),)),
        wanted=None,
        look=Present(found, 0.0),
        now=MADE,
    )


def test_a_first_build_is_said_alike_whatever_comes_up_meanwhile() -> None:
    later = replace(
        FOUND, zone="nova", internal_addresses=("10.0.0.7",), cpu=1, memory_mib=512, shape=MachineShape(power=Power.ON)
    )
    first, second = decide(situation(FOUND)).status, decide(situation(later)).status
    assert first == second == {"providerID": "openstack:///r/server-1"}


def test_a_machine_that_was_up_shows_what_it_is_while_it_is_rebuilt() -> None:
    provisioned = {
        "type": "Provisioned",
        "status": "True",
        "reason": "Created",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    found = replace(FOUND, zone="nova", shape=MachineShape(power=Power.OFF))
    said = decide(situation(found, conditions=[provisioned])).status
    assert (said["powerState"], said["failureDomain"]) == ("PoweredOff", "nova")
