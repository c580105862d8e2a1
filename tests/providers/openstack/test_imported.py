"""A server that was there before us: what hangs on it is somebody else's, and nothing of theirs goes with ours."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from tests.providers.openstack.rows import CREATED, TRACE, port, server

from hostwright.core.port import Call, LedgerRow, Ownership, Present, Trace, Window
from hostwright.kinds.virtualmachine.port import Delete, Memory
from hostwright.providers.openstack.calls import Fence
from hostwright.providers.openstack.inventory import parse
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.rows import Port
from hostwright.providers.openstack.seen import Gathered, SeenPort
from hostwright.providers.openstack.translate import found

ADOPTED = LedgerRow("server", "s1", ownership=Ownership.ADOPTED)
REFERENCED = LedgerRow("port/eth0", "p1", ownership=Ownership.REFERENCED)


def imported(*rows: LedgerRow, **fields: object) -> Trace:
    return replace(TRACE, provider_id="s1", ledger=(ADOPTED, *rows), **fields)  # type: ignore[arg-type]


def by_hand(item: str, name: str) -> SeenPort:
    """Plugged into s1 by somebody else."""
    return SeenPort(Port(id=item, name=name, device_id="s1", network_id="n-app", created_at=CREATED), 10.0)


@pytest.mark.parametrize("name", ["by-hand", f"{TRACE.name}-eth1"])
def test_a_port_without_our_mark_is_never_ours_though_it_is_as_old_as_one_that_we_made(name: str) -> None:
    created = parse(CREATED)
    assert created is not None
    window = Window(created - timedelta(seconds=5), created + timedelta(seconds=5))
    mine = LedgerRow("port/eth2", "p2", window=window)
    trace = imported(REFERENCED, mine, windows=(window,))
    ports = (by_hand("p1", "web"), port("p2", "eth2", device_id="s1"), by_hand("p3", name))
    seen = found("R", Gathered((server(name="web"),), ports), trace)
    assert {part.id for part in seen.parts} == {"s1", "p1", "p2"}
    assert [item.name for item in seen.loose] == ["p3"]


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        (LedgerRow("volume/data", "v1", ownership=Ownership.REFERENCED), True),  # never deleted, whatever is written
        (LedgerRow("volume/root", "v1", ownership=Ownership.REFERENCED), False),  # its retention was asked for
        (LedgerRow("volume/data", "v1"), False),  # ours
        (LedgerRow("port/eth9", "p9"), True),  # v1 is nobody's
    ],
)
def test_a_volume_that_somebody_made_is_kept_from_going_with_its_server(row: LedgerRow, kept: bool) -> None:
    trace = imported(row)
    look = Present(found("R", Gathered((server(name="web"),)), trace), 100.0)
    fence = Fence(servers=frozenset({"s1"}), ending={"s1": ("v1",)})
    planned = plan(Delete(), trace, None, look, Memory(), fence)
    assert cast("Call", planned).verb == ("keep_volume" if kept else "delete_server")
