"""A server that was there before us: what hangs on it is somebody else's, and nothing of theirs goes with ours."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from tests.providers.openstack.rows import CREATED, MARK, TRACE, port, server
from tests.providers.openstack.test_change import SMALL, wish
from tests.providers.openstack.test_machines import Site

from hostwright.core.errors import VolumesNotKept
from hostwright.core.port import Call, LedgerRow, Ownership, Present, Sought, Trace, Window
from hostwright.kinds.virtualmachine.port import Delete, Memory, Rebuild, Release
from hostwright.providers.openstack.bodies import with_user_data
from hostwright.providers.openstack.calls import Fence
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.read import parse
from hostwright.providers.openstack.rows import Address, Linked, Port
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


def test_where_nova_cannot_be_told_to_keep_a_volume_nothing_is_deleted() -> None:
    """Nova before 2.85 answers with a 400 that says nothing of what to do."""
    trace = imported(LedgerRow("port/eth9", "p9"))
    look = Present(found("R", Gathered((server(name="web"),)), trace), 100.0)
    old = Fence(servers=frozenset({"s1"}), ending={"s1": ("v1",)}, keeps_volumes=False)
    told = plan(Delete(), trace, None, look, Memory(), old)
    assert isinstance(told, VolumesNotKept)
    assert "openstack server remove volume s1 v1" in told.message
    assert "deletionPolicy: Retain" in told.message
    detached = plan(Delete(), trace, None, look, Memory(), replace(old, ending={"s1": ()}))
    assert cast("Call", detached).verb == "delete_server"
    root = imported(LedgerRow("volume/root", "v1", ownership=Ownership.REFERENCED))
    assert cast("Call", plan(Delete(), root, None, look, Memory(), old)).verb == "delete_server"


@pytest.mark.parametrize(("asked_at", "shown"), [(10.0, []), (20.0, [("fa:9", "", ("10.0.0.9",))])])
def test_a_port_that_neutron_does_not_show_is_known_by_novas_word(
    asked_at: float, shown: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    """Of another project, as a rule. Before all ports were asked for since, it may only not have been read."""
    words = {"app": (Address("10.0.0.7", mac="fa:1"), Address("172.24.0.9", "floating", "fa:9"))}
    words["theirs"] = (Address("10.0.0.9", mac="fa:9"),)
    there = replace(server(name="web", addresses=words), wired_at=15.0)
    mine = SeenPort(Port(id="p1", device_id="s1", network_id="n-app", mac_address="fa:1", created_at=CREATED), 20.0)
    found_ = found("R", Gathered((there,), (mine,), ports_as_of=asked_at), imported(REFERENCED))
    assert [(item.name, item.network, item.addresses) for item in found_.loose] == shown


@pytest.mark.parametrize(("keeps", "written"), [(True, None), (True, b"ours"), (False, None), (False, b"ours")])
def test_a_rebuild_takes_off_no_user_data_that_its_maker_gave(keeps: bool, written: bytes | None) -> None:
    there = server(name="web", flavor=SMALL, image=Linked("i1"))
    look = Present(found("R", Gathered((there,)), imported()), 100.0)
    call = cast("Call", plan(Rebuild("i2", "w", keeps), imported(), wish(), look, Memory(), Fence()))
    sent = with_user_data(call.arguments, written)["rebuild"]
    assert ("user_data" in sent) is (bool(written) or not keeps)
    assert bool(sent.get("user_data")) is bool(written)


@pytest.mark.parametrize("sought", [Sought("s1"), Sought(tags=("legacy",))])
@pytest.mark.parametrize("ended", [True, False])
async def test_a_proof_finds_none_where_only_an_old_list_has_it(sought: Sought, ended: bool) -> None:
    site = Site()
    site.cloud.put("s1", tags=("legacy",))
    await site.inventory.read()
    trace = replace(TRACE, sought=sought)
    assert [twin.id for twin in site.machines.matching(trace)] == ["s1"]
    site.cloud.now += 1
    if ended:
        site.cloud.remove("s1")
    else:
        site.cloud.tag("s1")
    await site.machines.prove(trace)
    there = [] if ended or sought.tags else ["s1"]
    assert [twin.id for twin in site.machines.matching(trace)] == there


def test_what_another_wrote_on_it_stays_when_it_is_let_go() -> None:
    """Its record and place are of whoever's mark is beside ours."""
    trace = imported()
    beside = server(name="web", tags=(MARK, "hw:ffffffffffffffff:0"))
    look = Present(found("R", Gathered((beside,)), trace), 100.0)
    released = plan(Release(), trace, None, look, Memory(), Fence(marked=frozenset({"s1"})))
    assert cast("Call", released).verb == "remove_mark"
