"""What a ledger names as made by us, and is shown as another's or as nobody's: no call leads to it."""

from dataclasses import replace

import pytest
from tests.providers.openstack.cloud import Cloud
from tests.providers.openstack.rows import ID, MARK, NAMES, TRACE, row, server

from hostwright.core import names
from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, Trace
from hostwright.kinds.virtualmachine.port import Delete, Discard, Found, Memory, Step
from hostwright.providers.openstack.calls import Fence
from hostwright.providers.openstack.inventory import Inventory
from hostwright.providers.openstack.machines import Machines
from hostwright.providers.openstack.rows import VOLUME_DISK, VOLUME_MARK, FloatingIP, Port, Volume

THEIRS = names.owner_mark("c", "99999999-2222-4333-8444-555555555555")
OF_ANOTHER_CLUSTER = names.owner_mark("other", ID)
SERVER, PORT = row("server", "s1"), row("port/eth0", "p1")
VOLUME, FLOATING = row("volume/data", "v1"), row("floatingip/eth0", "f1")
ALL = (SERVER, PORT, VOLUME, FLOATING)


class Site:
    """A cloud in memory as its inventory has it: one thing of each kind, of this mark and name."""

    def __init__(self, mark: str, name: str) -> None:
        self.cloud = Cloud()
        self.inventory = Inventory(self.cloud, self.cloud.monotonic, lambda: None)
        self.port = Port(id="p1", description=mark, name=f"{name}-eth0")
        self.inventory.write_server(server("s1", tags=(mark,) if mark else (), name=name).row, 1.0)
        self.inventory.write_port(self.port, 1.0)
        metadata = {VOLUME_DISK: "data", **({VOLUME_MARK: mark} if mark else {})}
        self.inventory.write_volume(Volume("v1", f"{name}-data", "available", 1, metadata=metadata), 1.0)
        self.inventory.write_floating_ip(FloatingIP("f1", description=mark, port_id="p1"), 1.0)
        self.machines = Machines(
            self.cloud,
            inventory=self.inventory,
            names=lambda: NAMES,
            region="R",
            monotonic=self.cloud.monotonic,
            visibility_lag=0.0,
            fence=Fence(),
        )

    def found(self, *rows: LedgerRow) -> Found:
        look = self.machines.look(_trace(*rows))
        assert isinstance(look, Present), look
        return look.found

    def asked(self, step: Step, *rows: LedgerRow) -> object:
        trace = _trace(*rows)
        return self.machines.plan(step, trace, None, self.machines.look(trace), Memory())


def _trace(*rows: LedgerRow) -> Trace:
    return replace(TRACE, ledger=rows)


@pytest.mark.parametrize(
    ("mark", "name"),
    [(THEIRS, "team-db-7"), (THEIRS, TRACE.name), (OF_ANOTHER_CLUSTER, TRACE.name), ("", "somebodys")],
)
@pytest.mark.parametrize(
    "rows", [ALL, *((each,) for each in ALL), *((row(f"extra/{each.id}", each.id),) for each in ALL)]
)
def test_what_bears_anothers_mark_or_no_word_of_ours_is_told_and_never_deleted(
    mark: str, name: str, rows: tuple[LedgerRow, ...]
) -> None:
    site = Site(mark, name)
    found = site.found(*rows)
    assert set(found.foreign) == set(rows)
    assert (found.parts, found.unmarked, found.id) == ((), (), "")
    assert isinstance(site.asked(Delete(), *rows), Done)
    for each in rows:
        assert isinstance(site.asked(Discard(each), *rows), Done)


@pytest.mark.parametrize("mark", [THEIRS, ""])
@pytest.mark.parametrize(
    "rows",
    [
        (replace(SERVER, ownership=Ownership.REFERENCED),),
        *((replace(each, ownership=Ownership.ADOPTED),) for each in (PORT, VOLUME, FLOATING)),
        *((row(f"extra/{each.id}", each.id, ownership=Ownership.ADOPTED),) for each in ALL),
    ],
)
def test_no_other_word_of_the_ledger_makes_it_ours(mark: str, rows: tuple[LedgerRow, ...]) -> None:
    """Only a server is imported, and none is only referenced."""
    site = Site(mark, "somebodys")
    assert site.found(*rows).foreign == rows
    assert isinstance(site.asked(Delete(), *rows), Done)


def test_ours_whose_mark_was_taken_off_is_known_by_its_name_and_a_floating_ip_by_its_port() -> None:
    site = Site("", TRACE.name)
    found = site.found(*ALL)
    assert found.foreign == ()
    assert {part.id for part in found.unmarked} == {"s1", "p1", "v1", "f1"}
    assert isinstance(site.asked(Delete(), *ALL), Call)


def test_what_was_there_before_us_is_of_no_concern_here() -> None:
    site = Site("", "somebodys")
    rows = (replace(VOLUME, ownership=Ownership.REFERENCED), replace(FLOATING, ownership=Ownership.REFERENCED))
    assert not isinstance(site.machines.look(_trace(*rows)), Present)


async def test_a_proof_that_finds_only_anothers_does_not_say_that_all_is_gone() -> None:
    site = Site(THEIRS, "team-db-7")
    site.cloud.plugs["p1"] = site.port
    look = await site.machines.prove(_trace(PORT))
    assert isinstance(look, Present)
    assert look.found.foreign == (PORT,)


def test_beside_anothers_all_that_is_ours_is_deleted() -> None:
    site = Site(MARK, TRACE.name)
    site.inventory.write_port(Port(id="p9", description=THEIRS, name="team-db-7-eth0"), 1.0)
    rows = (*ALL, row("extra/p9", "p9"))
    assert [each.id for each in site.found(*rows).foreign] == ["p9"]
    deleted = site.asked(Delete(), *rows)
    assert isinstance(deleted, Call)
    assert deleted.row == FLOATING
