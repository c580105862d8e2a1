"""The provider's own ways with a vCenter, by the sandbox's: TLS, logins, tasks, names that are taken."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.contract.driver import Driver
from tests.contract.harness_vsphere import VSphereHarness
from tests.contract.watched import Watched, new_machine, watching

from hostwright.core import errors
from hostwright.core.port import Call, Missing, Present
from hostwright.kinds.virtualmachine.extras import judge
from hostwright.kinds.virtualmachine.port import Create, Life, Memory, Power, SetPower, Unresolved, Wanted
from hostwright.sandbox.vsphere import server
from hostwright.sandbox.vsphere.control import Control
from hostwright.sandbox.vsphere.server import VCenter


@pytest.fixture
async def harness(vcenter: VCenter, vcenter_control: Control) -> AsyncIterator[VSphereHarness]:
    lent = VSphereHarness(vcenter)
    lent.start()
    yield lent
    await lent.reset()
    lent.stop()


@pytest.fixture
async def watched(harness: VSphereHarness) -> AsyncIterator[Watched]:
    async with watching(harness) as opened:
        yield opened


@pytest.fixture
def machine(harness: VSphereHarness, watched: Watched) -> Driver:
    return new_machine(harness, watched)


def login(harness: VSphereHarness) -> dict[str, bytes]:
    return {"username": harness.vcenter.username.encode(), "password": harness.vcenter.password.encode()}


async def test_a_certificate_is_trusted_by_authority_thumbprint_or_word(harness: VSphereHarness) -> None:
    """The harness's own session is by `ca.crt`."""
    with pytest.raises(errors.InvalidConfiguration, match="not trusted"):
        await harness.session(secret=login(harness))
    other = "AB" * 32
    with pytest.raises(errors.InvalidConfiguration, match="another SHA-256"):
        await harness.session(secret=login(harness), section={"thumbprint": other})
    assert harness.control.sessions() == [] or all("pyvmomi" in row["agent"] for row in harness.control.sessions()), (
        "no login was sent to who could not be trusted"
    )
    for section in ({"thumbprint": harness.vcenter.thumbprint}, {"insecure": True}):
        session = await harness.session(secret=login(harness), section=section)
        assert (await session.check()).identity["instanceUUID"]
        await session.close()


async def test_no_password_is_sent_to_an_untrusted_vcenter(harness: VSphereHarness) -> None:
    before = harness.control.last_call()
    with pytest.raises(errors.InvalidConfiguration):
        await harness.session(secret=login(harness), section={"thumbprint": "AB" * 32})
    assert harness.control.calls(before) == []


@pytest.mark.parametrize("missing", ["username", "password"])
async def test_a_secret_that_lacks_a_key_is_told_by_it(harness: VSphereHarness, missing: str) -> None:
    secret = {key: value for key, value in login(harness).items() if key != missing}
    with pytest.raises(errors.CredentialsMissing, match=missing):
        await harness.session(secret=secret)


async def test_a_datacenter_that_is_not_there_is_told(harness: VSphereHarness) -> None:
    before = len(harness.control.sessions())
    with pytest.raises(errors.InvalidConfiguration, match="no datacenter 'moon'"):
        await harness.session(section={"datacenter": "moon"})
    assert len(harness.control.sessions()) == before, "the login was given back"


async def test_each_provider_has_one_session_and_closes_it(harness: VSphereHarness) -> None:
    before = len(harness.control.sessions())
    async with watching(harness):
        assert len(harness.control.sessions()) == before + 1
    assert len(harness.control.sessions()) == before


async def test_a_closed_session_is_not_made_anew_by_who_still_waits(harness: VSphereHarness) -> None:
    session = await harness.session()
    await session.read()  # all there is
    waiting = asyncio.create_task(session.read())
    before = harness.control.last_call()
    while not harness.control.calls(before, "WaitForUpdatesEx"):
        await asyncio.sleep(0.02)
    harness.control.end_sessions()  # as a vCenter does at once with what waits in a session that logs out
    closing = asyncio.create_task(session.close())
    with contextlib.suppress(errors.Transient):
        await waiting
    await closing
    harness.start()
    with pytest.raises(errors.Unreachable, match="closed"):
        await session.read()
    assert len(harness.control.sessions()) == 1, "the hand's own"


async def test_ended_sessions_are_renewed_by_one_login_for_all(harness: VSphereHarness, machine: Driver) -> None:
    await machine.reach(Create())
    harness.control.end_sessions()
    before = harness.control.last_call()
    await asyncio.gather(*(machine.provider.prove(machine.trace) for _ in range(8)))
    harness.control.power(machine.id, "off")
    await machine.until(lambda look: isinstance(look, Present) and look.found.shape.power is Power.OFF, "seen off")
    assert [row["outcome"] for row in harness.control.calls(before, "Login")] == ["ok"]
    harness.start()  # the hand's own login ended as well
    await machine.reach(SetPower(Power.ON))


async def test_a_refused_login_is_not_tried_again_by_every_call(harness: VSphereHarness, watched: Watched) -> None:
    harness.control.rule("Login", "fault", fault="InvalidLogin", times=-1)
    harness.control.end_sessions()
    before = harness.control.last_call()
    machine = new_machine(harness, watched)
    for _ in range(5):
        with pytest.raises(errors.CredentialsRejected):
            await machine.provider.prove(machine.trace)
    assert len(harness.control.calls(before, "Login")) == 1
    harness.control.clear_rules()
    assert (await watched.session.check()).identity, "the Provider's own check asks anyway"
    harness.start()


async def test_the_clone_of_a_lost_answer_is_waited_for(harness: VSphereHarness, machine: Driver) -> None:
    harness.control.times(clone=30)
    harness.control.rule("CloneVM_Task", "lose")
    with pytest.raises(errors.Ambiguous):
        await machine.send(await machine.next_call(Create()))
    look = await machine.provider.prove(machine.trace)
    assert isinstance(look, Present)
    assert (look.found.life, look.found.parts) == (Life.BUILDING, ())
    harness.control.times(clone=0)
    look = await machine.verify()
    assert isinstance(look, Present)
    await machine.reach(Create())
    assert list(await harness.truth()) == [machine.id]


async def test_a_clone_under_way_of_another_machine_holds_nobody_back(
    harness: VSphereHarness, machine: Driver, watched: Watched
) -> None:
    other = new_machine(harness, watched)
    harness.control.times(clone=30)
    making = asyncio.create_task(other.send(await other.next_call(Create())))
    while not harness.control.calls(method="CloneVM_Task") or not watched.session.synced():
        await asyncio.sleep(0.02)
    await machine.until(lambda _: True, "the other's task is known")
    await asyncio.sleep(0.2)
    assert not isinstance(await machine.provider.prove(machine.trace), Present)
    harness.control.times(clone=0)
    await making
    await other.reach(Create())


async def test_a_clone_that_takes_long_is_left_to_its_task_and_told_in_quarters(
    harness: VSphereHarness, machine: Driver
) -> None:
    harness.control.times(clone=8)
    call = await machine.next_call(Create())
    began = time.monotonic()
    receipt = await machine.send(call)
    assert time.monotonic() - began < 5
    assert (receipt.made, bool(receipt.task)) == ((), True)
    told = set()
    while isinstance(look := await machine.provider.prove(machine.trace), Present) and look.found.in_the_making:
        told.add(look.found.message)
        await asyncio.sleep(0.2)
    steps = ["vCenter clones the template", *(f"vCenter clones the template ({part} %)" for part in (25, 50, 75))]
    assert told <= set(steps)
    assert told >= set(steps[1:])
    assert isinstance(look, Present)
    assert look.found.parts, "the machine, by its task, whatever it bears"
    await machine.verify()
    await machine.reach(Create())
    assert list(await harness.truth()) == [machine.id]


@pytest.mark.parametrize(
    ("fault", "failure"), [("InsufficientResourcesFault", errors.NoValidHost), ("SystemError", errors.Transient)]
)
async def test_what_came_of_a_long_clone_that_failed_is_told(
    harness: VSphereHarness, machine: Driver, fault: str, failure: type[errors.Failure]
) -> None:
    harness.control.times(clone=30)
    harness.control.rule("CloneVM_Task", "taskFault", fault=fault)
    assert (await machine.send(await machine.next_call(Create()))).task
    harness.control.times(clone=0)
    while isinstance(look := await machine.provider.prove(machine.trace), Present):
        assert look.found.in_the_making
        await asyncio.sleep(0.05)
    call = machine.provider.plan(Create(), machine.trace, machine.wanted, look, Memory())
    assert isinstance(call, Call)
    assert call.verb == "await_clone"
    with pytest.raises(failure, match=fault):
        await machine.send(call)
    assert await harness.truth() == {}


async def test_a_task_that_the_vcenter_has_forgotten_lets_the_creation_begin_anew(
    harness: VSphereHarness, machine: Driver
) -> None:
    machine.trace = replace(machine.trace, task="task-999999999")
    look = await machine.provider.prove(machine.trace)
    assert isinstance(look, Missing)
    call = machine.provider.plan(Create(), machine.trace, machine.wanted, look, Memory())
    assert isinstance(call, Call)
    with pytest.raises(errors.Transient, match="no more"):
        await machine.send(call)


async def test_a_second_attempt_comes_to_the_path_of_the_first(
    harness: VSphereHarness, machine: Driver, watched: Watched
) -> None:
    """Though the wish names another folder since: there the name would be free, and a late first call have no fence."""
    elsewhere = await harness.folder("elsewhere")
    await watched.session.load_catalog()
    first = await machine.next_call(Create())
    assert first.place == f"{server.FOLDER}/{machine.trace.name}"
    spec = harness.spec(vsphere={"folder": elsewhere})
    wanted = machine.provider.resolve(spec, harness.bindings())
    assert isinstance(wanted, Wanted)
    moved = replace(machine, wanted=wanted)
    assert (await moved.next_call(Create())).place == f"{elsewhere}/{machine.trace.name}"
    moved.trace = replace(machine.trace, place=first.place)
    assert (await moved.next_call(Create())).place == first.place
    await moved.reach(Create())
    assert f"{server.FOLDER}/{machine.trace.name}" in harness.control.machines()


async def test_a_persons_copy_of_the_same_name_in_another_folder_is_nobodys(
    harness: VSphereHarness, machine: Driver
) -> None:
    """Its mark, its name and the moment are ours: only the folder tells."""
    await machine.reach(Create())
    folder = await harness.folder("copies")
    harness.control.clone(machine.id, machine.trace.name, folder)
    look = await machine.until(lambda look: isinstance(look, Present) and len(look.found.twins) > 1, "the copy")
    assert isinstance(look, Present)
    verdict = judge(look.found, machine.trace)
    assert (verdict.keep, verdict.extras, len(verdict.strangers)) == (machine.id, (), 1)
    unlisted = replace(machine.trace, ledger=(), place=f"{server.FOLDER}/{machine.trace.name}")
    seen = machine.provider.look(unlisted)
    assert isinstance(seen, Present)
    assert judge(seen.found, unlisted).keep == machine.id


async def test_a_name_that_a_stranger_has_is_a_conflict_and_is_left(harness: VSphereHarness, machine: Driver) -> None:
    stranger = await harness.stranger(machine.trace, name=machine.trace.name, mark="")
    before = (await harness.truth())[stranger].whole
    with pytest.raises(errors.OwnershipMismatch, match=stranger):
        await machine.send(await machine.next_call(Create()))
    assert {key: row.whole for key, row in (await harness.truth()).items()} == {stranger: before}


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ("InsufficientResourcesFault", errors.NoValidHost),
        ("NoPermission", errors.InvalidConfiguration),
        ("InvalidDatastore", errors.InvalidConfiguration),
        ("SystemError", errors.Ambiguous),
    ],
)
async def test_a_clone_that_fails_is_told_and_leaves_nothing(
    harness: VSphereHarness, machine: Driver, fault: str, failure: type[errors.Failure]
) -> None:
    harness.control.rule("CloneVM_Task", "taskFault", fault=fault)
    with pytest.raises(failure) as caught:
        await machine.send(await machine.next_call(Create()))
    assert fault in caught.value.message
    assert await harness.truth() == {}
    await machine.reach(Create())


async def test_a_machine_moved_and_renamed_by_hand_is_still_ours(harness: VSphereHarness, machine: Driver) -> None:
    await machine.reach(Create())
    harness.control.rename(machine.id, "somebodys-name")
    await machine.until(
        lambda look: isinstance(look, Present) and look.found.twins[0].name == "somebodys-name", "renamed"
    )
    assert machine.found().id == machine.id
    await machine.reach(SetPower(Power.OFF))


async def test_what_stands_at_our_path_and_cannot_be_read_yet_is_in_the_making(
    harness: VSphereHarness, machine: Driver, watched: Watched
) -> None:
    """Neither missing nor a conflict: both are judged once its config can be read. No task of ours tells of it."""
    other = new_machine(harness, watched)
    await other.reach(Create())
    harness.control.times(clone=0, bare=30)
    path = f"{server.FOLDER}/{machine.trace.name}"
    making = asyncio.create_task(asyncio.to_thread(harness.control.clone, other.id, machine.trace.name))
    while path not in harness.control.machines():
        assert not making.done()
        await asyncio.sleep(0.02)
    look = await machine.provider.prove(machine.trace)
    assert isinstance(look, Present)
    assert look.found.in_the_making
    with pytest.raises(errors.Ambiguous, match="being made"):
        await machine.send(await machine.next_call(Create()))
    harness.control.times(bare=0)
    await making
    assert isinstance(await machine.provider.prove(machine.trace), Missing)
    with pytest.raises(errors.OwnershipMismatch):
        await machine.send(await machine.next_call(Create()))


async def test_sizes_and_addresses_are_as_asked(harness: VSphereHarness, watched: Watched) -> None:
    spec = harness.spec({"addresses": ["10.1.99.9/16"], "macAddress": "00:50:56:00:00:99"})
    wanted = watched.provider.resolve(spec, replace(harness.bindings(), cpu=4, memory_mib=2048))
    assert not isinstance(wanted, Unresolved)
    machine = replace(new_machine(harness, watched), wanted=wanted)
    await machine.reach(Create())
    found = machine.found()
    assert (found.cpu, found.memory_mib) == (4, 2048)
    assert found.internal_addresses == ("10.1.99.9",)
    assert found.interfaces[0].mac_address == "00:50:56:00:00:99"
    row = next(row for path, row in harness.control.machines().items() if row["id"] == machine.id)
    assert list(row["nics"]) == ["00:50:56:00:00:99"], "the template's card is gone"


async def test_a_change_that_came_while_we_read_is_not_lost(harness: VSphereHarness, machine: Driver) -> None:
    """The watch's answer may be older than a row read by id meanwhile: it is asked for once more."""
    await machine.reach(Create())
    for number in range(5):
        harness.control.configure(machine.id, extra_config={"turn": str(number)})
        await machine.provider.prove(machine.trace)
        state = "off" if number % 2 else "on"
        if number:
            harness.control.power(machine.id, state)
        power = Power.OFF if number % 2 else Power.ON
        await machine.until(
            lambda look, power=power: isinstance(look, Present) and look.found.shape.power is power, state
        )
        assert machine.found().shape.metadata["turn"] == str(number)


def test_the_sandbox_has_what_the_tests_name(vcenter_control: Control) -> None:
    assert {server.TEMPLATE, server.OTHER_TEMPLATE} <= set(vcenter_control.machines())
