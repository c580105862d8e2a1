"""The next call on a machine's disks: made before the server, attached and grown at rest, let go of at the end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.providers.openstack.rows import BINDINGS, MARK, NAMES, TRACE, port, row, server, spec

from hostwright.core.errors import Failure, InvalidConfiguration, StorageClassNotFound, VolumeInUse, VolumeNotFound
from hostwright.core.port import Call, Done, LedgerRow, Ownership, Present, Repeat, RowState, Trace, Wait, Window
from hostwright.kinds.virtualmachine.port import (
    BringDisks,
    Create,
    Delete,
    DiskShape,
    Found,
    Mark,
    Memory,
    Release,
    Step,
    Unresolved,
    Wanted,
)
from hostwright.providers.openstack.bodies import server_body
from hostwright.providers.openstack.calls import SEND_AGAIN, Fence, NewServer, NewVolume, On
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.resolve import Names, resolve
from hostwright.providers.openstack.rows import VOLUME_DISK, VOLUME_MARK, Attachment, Held, Volume
from hostwright.providers.openstack.section import FailureDomainSection, StorageSection
from hostwright.providers.openstack.seen import Gathered, SeenPort, SeenServer, SeenVolume
from hostwright.providers.openstack.translate import found

CREATED = "2026-11-24T10:00:00.000000"
STORAGE = Names(
    replace(NAMES.catalog, volume_types=frozenset({"ssd"})),
    NAMES.networks,
    {"fast": StorageSection(volume_type="ssd"), "lost": StorageSection(volume_type="no-such")},
)
RECORD = {"hostwright.namespace": "team", "hostwright.name": "web"}
DISKS = {
    "rootDisk": {"size": "10Gi", "storageClass": "fast"},
    "dataDisks": [{"name": "data", "size": "20Gi"}, {"name": "own", "source": {"existing": {"id": "v9"}}}],
}


def volume(item: str, disk: str = "", as_of: float = 10.0, at: str = "", **fields: object) -> SeenVolume:
    """One of ours for a disk, or (`disk` empty) one of somebody else's; attached to `at`."""
    metadata = {VOLUME_MARK: MARK, VOLUME_DISK: disk, **RECORD} if disk else {}
    status = "in-use" if at else "available"
    attachments = (Attachment(at),) if at else ()
    rest = {"status": status, "size": 20, "metadata": metadata, "attachments": attachments, "created_at": CREATED}
    return SeenVolume(Volume(**{"id": item, **rest, **fields}), as_of)  # type: ignore[arg-type] - any of its fields


def wish(**more: object) -> Wanted:
    answer = resolve(STORAGE, spec(**more), BINDINGS)
    assert isinstance(answer, Wanted), answer
    return answer


def look(
    servers: Sequence[SeenServer] = (),
    ports: Sequence[SeenPort] = (),
    volumes: Sequence[SeenVolume] = (),
    trace: Trace = TRACE,
) -> Present[Found]:
    return Present(found("R", Gathered(tuple(servers), tuple(ports), tuple(volumes)), trace), 100.0)


def ask(
    step: Step,
    volumes: Sequence[SeenVolume] = (),
    *,
    wanted: Wanted,
    rest: bool = True,
    trace: Trace = TRACE,
    receipts: dict[str, float] | None = None,
    known: Sequence[SeenVolume] = (),
    lost: frozenset[str] = frozenset(),
) -> Call | Wait | Done | Failure:
    """`rest`: its server is up; `volumes` are gathered; `known`: the inventory has them, too."""
    servers = [server()] if rest else []
    fence = Fence(
        volumes={item.row.id: item for item in (*known, *volumes)},
        no_volumes=lost,
        marked=frozenset({"p1"}),
        servers=frozenset({"s1"} if rest else ()),
    )
    seen = look(servers, [port(device_id="s1" if rest else "")], volumes, trace)
    return plan(step, trace, wanted, seen, Memory(receipts=receipts or {}), fence)


def call(planned: object, verb: str) -> Call:
    assert isinstance(planned, Call), planned
    assert planned.verb == verb
    return planned


def test_disks_are_made_before_the_server_the_root_first_and_with_an_intent() -> None:
    wanted = wish(**DISKS)
    first = call(ask(Create(), wanted=wanted, rest=False), "create_volume")
    assert (first.expect, first.repeat) == ("volume/root", Repeat.INTENT)
    assert isinstance(first.arguments, NewVolume)
    body = first.arguments.body["volume"]
    assert (body["size"], body["volume_type"], body["imageRef"]) == (10, "ssd", "i1")
    assert body["metadata"] == {VOLUME_MARK: MARK, VOLUME_DISK: "root", **RECORD}, "the mark is in the request itself"
    second = call(ask(Create(), [volume("v0", "root")], wanted=wanted, rest=False), "create_volume")
    assert second.expect == "volume/data"
    assert not {"imageRef", "volume_type"} & set(second.arguments.body["volume"])
    made = [volume("v0", "root"), volume("v1", "data", status="creating")]
    assert isinstance(ask(Create(), made, wanted=wanted, rest=False), Wait)
    last = call(ask(Create(), [volume("v0", "root"), volume("v1", "data")], wanted=wanted, rest=False), "create_server")
    assert isinstance(last.arguments, NewServer)
    assert last.arguments.volumes == ("v0", "v1"), "one that was there is attached once the server is up"


def test_the_server_boots_from_its_root_volume_and_takes_none_with_it() -> None:
    body = server_body(wish(**DISKS), TRACE, ["p1"], None, ["v0", "v1"])["server"]
    assert "imageRef" not in body
    assert [(disk["uuid"], disk["boot_index"]) for disk in body["block_device_mapping_v2"]] == [("v0", 0), ("v1", -1)]
    assert not any(disk["delete_on_termination"] for disk in body["block_device_mapping_v2"])
    plain = server_body(wish(dataDisks=DISKS["dataDisks"]), TRACE, ["p1"], None, ["v1"])["server"]
    assert plain["imageRef"] == "i1"
    assert [disk["uuid"] for disk in plain["block_device_mapping_v2"]] == ["i1", "v1"], "the image's own disk first"
    assert "block_device_mapping_v2" not in server_body(wish(), TRACE, ["p1"], None)["server"]


BRING = BringDisks(("data", "own"))
HELD = [volume("v1", "data", at="s1")]


def test_at_rest_a_disk_is_made_attached_and_grown() -> None:
    wanted = wish(**DISKS)
    step = BringDisks(("data",))
    assert call(ask(step, wanted=wanted), "create_volume").expect == "volume/data"
    attach = call(ask(step, [volume("v1", "data")], wanted=wanted), "attach_volume")
    assert isinstance(attach.arguments, On)
    assert (attach.arguments.path, attach.arguments.other) == ("/servers/s1/os-volume_attachments", "v1")
    assert (attach.repeat, attach.row) == (Repeat.IDEMPOTENT, None)
    grow = call(ask(step, [volume("v1", "data", at="s1", size=19)], wanted=wanted), "extend_volume")
    assert grow.arguments.body == {"os-extend": {"new_size": 20}}
    assert isinstance(ask(step, HELD, wanted=wanted), Done)


@pytest.mark.parametrize(
    ("at", "listed", "read_at", "at_rest_since", "attached"),
    [
        ("s1", True, 10.0, 5.0, True),
        ("s1", False, 10.0, 5.0, True),
        ("", True, 10.0, 5.0, False),  # read after the server came to rest: really detached
        ("", True, 4.0, 5.0, True),  # read before: the row is from the time when it was not yet attached
        ("", False, 4.0, 5.0, False),
        ("s9", True, 5.0, 5.0, False),  # a proof reads both at once
        ("", True, 4.0, float("inf"), False),  # nothing is known to be attached to what never came to rest
    ],
)
def test_an_old_row_of_a_volume_does_not_say_that_it_came_loose(
    at: str, listed: bool, read_at: float, at_rest_since: float, attached: bool
) -> None:
    holder = server(active_at=at_rest_since, volumes=(Held("v1"),) if listed else ())
    there = look([holder], volumes=[volume("v1", "data", as_of=read_at, at=at)]).found
    assert [disk.attached for disk in there.disks] == [attached]
    assert [disk.name for disk in there.shape.disks] == ["data"] * attached
    assert there.plugged == (frozenset({"v1"}) if attached else frozenset())


@pytest.mark.parametrize("status", ["creating", "attaching", "detaching", "extending", "reserved"])
def test_a_volume_in_motion_is_waited_for(status: str) -> None:
    assert isinstance(ask(BringDisks(("data",)), [volume("v1", "data", status=status)], wanted=wish(**DISKS)), Wait)


@pytest.mark.parametrize("status", ["error_deleting", "error_extending", "error_restoring", "error_managing"])
def test_a_volume_that_failed_is_not_in_motion(status: str) -> None:
    """It would be waited for, and every list read each second, for ever."""
    assert not volume("v1", "data", status=status).row.moving


def test_a_disk_that_could_not_be_grown_is_grown_again_and_so_its_refusal_told() -> None:
    held = [volume("v1", "data", at="s1", size=19, status="error_extending")]
    call(ask(BringDisks(("data",)), held, wanted=wish(**DISKS)), "extend_volume")


def test_a_row_from_before_our_last_call_is_not_believed() -> None:
    old = [volume("v1", "data", as_of=10.0)]
    assert isinstance(ask(BringDisks(("data",)), old, wanted=wish(**DISKS), receipts={"volume/data": 10.0}), Wait)
    call(ask(BringDisks(("data",)), old, wanted=wish(**DISKS), receipts={"volume/data": 9.0}), "attach_volume")


def test_a_disk_that_was_there_is_referenced_never_grown_and_never_taken_from_another() -> None:
    wanted, step = wish(**DISKS), BringDisks(("own",))
    free = call(ask(step, wanted=wanted, known=[volume("v9", size=1)]), "attach_volume")
    assert free.row == LedgerRow("volume/own", "v9", ownership=Ownership.REFERENCED)
    assert isinstance(ask(step, wanted=wanted), Wait), "not read yet proves nothing"
    assert isinstance(ask(step, wanted=wanted, lost=frozenset({"v9"})), VolumeNotFound)
    taken = ask(step, wanted=wanted, known=[volume("v9", at="s7")])
    assert isinstance(taken, VolumeInUse)
    assert "s7" in taken.message
    shared = [volume("v9", at="s7", multiattach=True)]
    call(ask(step, wanted=wanted, known=shared), "attach_volume")


def test_one_disk_that_cannot_be_had_holds_no_other_up() -> None:
    later = BringDisks(("own", "data"))
    call(ask(later, [volume("v1", "data")], wanted=wish(**DISKS), lost=frozenset({"v9"})), "attach_volume")
    assert isinstance(ask(later, HELD, wanted=wish(**DISKS), lost=frozenset({"v9"})), VolumeNotFound)


def test_a_disk_that_is_wished_no_more_is_detached_and_deleted_only_where_that_is_asked() -> None:
    detach = call(ask(BringDisks(("data",), frozenset({"data"})), HELD, wanted=wish()), "detach_volume")
    assert detach.arguments.path == "/servers/s1/os-volume_attachments/v1"
    free = [volume("v1", "data")]
    delete = call(ask(BringDisks(("data",), frozenset({"data"})), free, wanted=wish()), "delete_volume")
    assert (delete.destructive, delete.row) == (True, LedgerRow("volume/data", "v1"))
    assert isinstance(ask(BringDisks(("data",)), free, wanted=wish()), Done)


def test_somebody_elses_volume_is_no_disk_of_the_machine() -> None:
    item = look([server()], [port()], [volume("x1", at="s1"), *HELD]).found
    assert [disk.name for disk in item.disks] == ["data"]
    assert item.plugged == {"x1", "v1"}
    assert item.shape.disks == (DiskShape("data", 20, "v1"),)
    assert not any(part.id == "x1" for part in item.parts)


def test_a_second_volume_of_a_disk_is_ours_only_inside_a_window_and_goes_before_the_server_is_made() -> None:
    both = [volume("v1", "data"), volume("v2", "data", created_at="2026-11-24T10:00:05.000000")]
    assert [part.name for part in look(volumes=both).found.parts] == ["volume/data"], "made by nobody knows whom"
    window = Window(datetime(2026, 11, 24, 10, 0, tzinfo=UTC), datetime(2026, 11, 24, 10, 1, tzinfo=UTC))
    trace = replace(TRACE, windows=(window,), ledger=(replace(row("volume/data", "v1"), window=window),))
    assert LedgerRow("extra/v2", "v2") in look(volumes=both, trace=trace).found.parts
    gone = call(ask(Create(), both, wanted=wish(**DISKS), rest=False, trace=trace), "delete_volume")
    assert gone.expect == "extra/v2"


def test_a_backup_that_somebody_restored_bears_our_mark_and_is_no_disk_of_ours() -> None:
    """Cinder gives the new volume the metadata and the name of the one that was backed up."""
    copy = volume("v2", "data", created_at="2026-11-26T10:00:00.000000")
    made = Window(datetime(2026, 11, 24, 10, 0, tzinfo=UTC), datetime(2026, 11, 24, 10, 1, tzinfo=UTC))
    listed = replace(TRACE, ledger=(replace(row("volume/data", "v1"), window=made),), windows=(made,))
    gone = look(volumes=[copy], trace=listed).found
    assert (gone.disks, gone.parts) == ((), ()), "it takes no place in the ledger, and the end of ours is not its end"
    tried_for_days = Window(datetime(2026, 11, 25, 10, 0, tzinfo=UTC))  # another disk, which the quota refuses
    busy = replace(listed, windows=(made, tried_for_days))
    beside = look(volumes=[volume("v1", "data"), copy], trace=busy).found
    assert [part.name for part in beside.parts] == ["volume/data"]
    held = replace(copy, row=volume("v2", "data", at="s1").row)
    assert look([server()], [port()], [held], listed).found.shape.disks == (DiskShape("data", 20, "v2"),)
    assert [disk.id for disk in look(volumes=[copy]).found.disks] == ["v2"], "with nothing in the ledger it is the disk"


LEDGER = replace(
    TRACE, ledger=(row("server", "s1"), row("port/eth0", "p1"), row("volume/data", "v1"), row("volume/kept", "v2"))
)


def test_at_the_end_the_server_goes_first_and_a_disk_once_it_is_free() -> None:
    held = [volume("v1", "data", at="s1"), volume("v2", "kept", at="s1")]
    step = Delete(frozenset({"v2"}))
    call(ask(step, held, wanted=wish(), trace=LEDGER), "delete_server")
    ports_gone = replace(LEDGER, ledger=LEDGER.ledger[2:])
    still = [volume("v1", "data", at="s1"), volume("v2", "kept")]
    call(ask(step, still, wanted=wish(), rest=False, trace=ports_gone), "remove_mark")
    once = ask(step, still, wanted=wish(), rest=False, trace=ports_gone, receipts={"volume/kept": 11.0})
    assert isinstance(once, Wait), "until it is seen without what was taken off: else it is sent with every pass"
    bare = volume("v2", metadata={})
    assert isinstance(ask(step, [still[0], bare], wanted=wish(), rest=False, trace=ports_gone), Wait)
    freed = call(ask(step, [volume("v1", "data"), bare], wanted=wish(), rest=False, trace=ports_gone), "delete_volume")
    assert freed.row == LedgerRow("volume/data", "v1")


def test_what_is_kept_loses_its_mark_last_and_what_was_there_is_not_touched() -> None:
    trace = replace(TRACE, ledger=(row("volume/kept", "v2"), row("volume/own", "v9", ownership=Ownership.REFERENCED)))
    seen = volume("v2", "kept")
    keys = []
    while isinstance(planned := ask(Delete(frozenset({"v2"})), [seen], wanted=wish(), rest=False, trace=trace), Call):
        keys.append(planned.arguments.path.rpartition("/")[2])
        rest = {key: value for key, value in seen.row.metadata.items() if key != keys[-1]}
        seen = volume("v2", metadata=rest)
    assert keys[-1] == VOLUME_MARK
    assert len(keys) == 4
    own = [volume("v9", metadata={"mine": "yes"})]
    assert isinstance(
        ask(Delete(), own, wanted=wish(), rest=False, trace=replace(trace, ledger=trace.ledger[1:])), Done
    )


def test_a_deletion_that_does_not_end_is_sent_again() -> None:
    trace = replace(TRACE, ledger=(row("volume/data", "v1", state=RowState.DELETING),))
    stuck = [volume("v1", "data", as_of=100.0)]
    early = ask(Delete(), stuck, wanted=wish(), rest=False, trace=trace, receipts={"volume/data": 100.0 - SEND_AGAIN})
    assert isinstance(early, Wait)
    late = ask(Delete(), stuck, wanted=wish(), rest=False, trace=trace, receipts={"volume/data": 99.0 - SEND_AGAIN})
    call(late, "delete_volume")


def test_no_server_is_made_with_somebodys_volume_in_the_place_of_a_new_disk() -> None:
    """It has the name in the ledger still: the server went, and then the wish became another one."""
    trace = replace(TRACE, ledger=(row("volume/data", "v9", ownership=Ownership.REFERENCED),))
    wanted = wish(dataDisks=[{"name": "data", "size": "20Gi"}])
    answer = ask(Create(), [volume("v9")], wanted=wanted, rest=False, trace=trace)
    assert isinstance(answer, InvalidConfiguration)
    assert "another name" in answer.message


def test_a_release_takes_the_marks_off_disks_too() -> None:
    trace = replace(TRACE, ledger=(row("volume/data", "v1"),))
    marks = [call(ask(Release(), HELD, wanted=wish(), trace=trace), "remove_mark").expect]
    fence = Fence(volumes={"v1": HELD[0]}, servers=frozenset({"s1"}))  # the ports' are off
    seen = look([server()], [port(device_id="s1", description="")], HELD, trace)
    release = call(plan(Release(), trace, None, seen, Memory(), fence), "remove_mark")
    assert marks == ["port/eth0"]
    assert release.arguments.path.startswith("/v3/volumes/v1/metadata/")


def test_a_release_leaves_the_mark_of_another_machine_on_a_disk_that_was_there() -> None:
    own = volume("v9", metadata={VOLUME_MARK: "hw:0:other", VOLUME_DISK: "old", **RECORD}, at="s1")
    trace = replace(TRACE, ledger=(row("volume/own", "v9", ownership=Ownership.REFERENCED),))
    fence = Fence(volumes={"v9": own}, servers=frozenset({"s1"}))
    seen = look([server()], [port(device_id="s1", description="")], [own], trace)
    planned = call(plan(Release(), trace, None, seen, Memory(), fence), "remove_metadata")
    assert planned.arguments.path.startswith("/servers/s1/")


def test_a_mark_that_was_taken_off_is_put_back() -> None:
    trace = replace(TRACE, ledger=(row("volume/data", "v1"),))
    bare = volume("v1", at="s1")
    assert look([server()], [port()], [bare], trace).found.unmarked == (LedgerRow("volume/data", "v1"),)
    put = call(ask(Mark(row("volume/data", "v1")), [bare], wanted=wish(), trace=trace), "set_mark")
    assert put.arguments.body == {"metadata": {VOLUME_MARK: MARK, VOLUME_DISK: "data", **RECORD}}


@pytest.mark.parametrize(
    ("more", "names", "failure", "said"),
    [
        ({"dataDisks": [{"name": "a", "size": "1500Mi"}]}, STORAGE, InvalidConfiguration, "whole Gi"),
        ({"rootDisk": {"size": "1Gi", "storageClass": "slow"}}, STORAGE, StorageClassNotFound, "fast, lost"),
        ({"rootDisk": {"size": "1Gi", "storageClass": "lost"}}, STORAGE, StorageClassNotFound, "no-such"),
        ({"rootDisk": {"size": "1Gi"}}, NAMES, InvalidConfiguration, "no block storage"),
    ],
)
def test_what_cannot_be_had_is_told(more: dict[str, object], names: Names, failure: type[Failure], said: str) -> None:
    answer = resolve(names, spec(**more), BINDINGS)
    assert isinstance(answer, Unresolved)
    assert isinstance(answer.failure, failure)
    assert said in answer.failure.message


DOMAINS = replace(
    STORAGE,
    domains={
        "az1": FailureDomainSection(computeAZ="nova", volumeAZ="east"),
        "az2": FailureDomainSection(computeAZ="gone"),
    },
)


def test_a_failure_domain_says_where_server_and_disks_are_made() -> None:
    answer = resolve(DOMAINS, spec(failureDomain="az1", **DISKS), BINDINGS)
    assert isinstance(answer, Wanted)
    assert server_body(answer, TRACE, ["p1"], None)["server"]["availability_zone"] == "nova"
    made = call(ask(Create(), wanted=answer, rest=False), "create_volume")
    assert made.arguments.body["volume"]["availability_zone"] == "east"
    assert (
        "availability_zone"
        not in call(ask(Create(), wanted=wish(**DISKS), rest=False), "create_volume").arguments.body["volume"]
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"failureDomain": "az9"}, "az1, az2"),
        ({"failureDomain": "az2"}, "no availability zone 'gone'"),
        ({"failureDomain": "az1", "openstack": {"availabilityZone": "nova"}}, "both say where"),
    ],
)
def test_a_failure_domain_that_cannot_be_had_is_told(more: dict[str, object], said: str) -> None:
    answer = resolve(DOMAINS, spec(**more), BINDINGS)
    assert isinstance(answer, Unresolved)
    assert said in answer.failure.message
