"""Replaced because its user asks for it, killed at every request of that: another one, once, of the same identity."""

from typing import Any

import pytest
from tests.engine.samples import CATALOG, SPEC, VM
from tests.engine.test_crash import Life, _seconds
from tests.engine.virtual import run, until
from tests.engine.wire import Place, Wire

from hostwright.core.names import ANNOTATION_DO_NOT_DISRUPT, ANNOTATION_MACHINE_ID
from hostwright.engine.ports import Key, Secret

PROVIDER = Key("Provider", "", "sim")
PAUSED = "compute.hostwright.dev/paused"


def spec(key: str, ceiling: str = "Replace", **more: Any) -> dict[str, Any]:
    """With this key for the guest: another one makes another machine."""
    line = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{key * 43} me"
    bootstrap = {"onChange": "Replace", "cloudInit": {"sshAuthorizedKeys": [line]}}
    return {**SPEC, "bootstrap": bootstrap, "updatePolicy": {"maxDisruption": ceiling}, **more}


BEFORE, AFTER = spec("a"), spec("b")


class Replaced(Life):
    """A machine whose user asks for another key."""

    strikes: dict[int, Place]

    async def up(self, wish: dict[str, Any] = BEFORE) -> str:
        self.strikes, self.wire.strikes = self.wire.strikes, {}
        self.enter(wish)
        await self.reach("Ready", self.ready)
        return self.server()

    def server(self) -> str:
        (server,) = self.site.model.machines
        return server

    def ask(self, wish: dict[str, Any] = AFTER) -> None:
        """From here on the requests are counted anew, and struck."""
        self.wire.names.clear()
        self.wire.strikes = self.strikes
        self.api.apply(VM, wish)

    def another(self, former: str) -> bool:
        return self.ready() and [*self.site.model.machines] not in ([], [former])

    async def replaced(self, *, way_out: bool = False) -> None:
        former = await self.up()
        identity = self.api.objects[VM]["metadata"]["annotations"][ANNOTATION_MACHINE_ID]
        self.ask()
        await self.reach("replaced", lambda: self.another(former))
        after = self.server()
        await _seconds(120.0)
        assert self.server() == after, "once"
        self._one_and_in_the_ledger()
        assert self.site.most == 1
        assert self.api.objects[VM]["metadata"]["annotations"][ANNOTATION_MACHINE_ID] == identity
        assert self.api.condition(VM, "Provisioned")["status"] == "True"
        assert not [note for note in self.api.events.values() if note.reason == "MachineDeletedExternally"]
        if way_out:
            self.api.delete(VM)
            await self.reach("gone", lambda: VM not in self.api.objects)
            assert self.site.model.machines == {}
        self.over()

    async def deleted_meanwhile(self) -> None:
        await self.up()
        await self.deleted_after(self.ask)


def requests() -> list[str]:
    wire = Wire()
    run(Replaced(wire).replaced())
    return wire.names


REQUESTS = requests()
IDS = [f"{number}-{name}" for number, name in enumerate(REQUESTS)]
EACH = pytest.mark.parametrize("number", range(len(REQUESTS)), ids=IDS)


def test_undisturbed_it_is_announced_deleted_proven_gone_and_made_once() -> None:
    assert REQUESTS.count("delete") == REQUESTS.count("create") == 1
    assert REQUESTS.index("patch_status") < REQUESTS.index("delete") < REQUESTS.index("create")
    assert "patch_status" in REQUESTS[REQUESTS.index("delete") : REQUESTS.index("create")], "that it is gone is written"


@pytest.mark.parametrize("place", list(Place))
@EACH
def test_struck_once_there_is_another_one_all_the_same(number: int, place: Place) -> None:
    run(Replaced(Wire(strikes={number: place})).replaced(way_out=True))


@EACH
def test_a_request_that_arrives_after_its_successor_began_replaces_nothing_twice(number: int) -> None:
    run(Replaced(Wire(strikes={number: Place.SENT}), late=4.0, list_lag=3.0).replaced())


@pytest.mark.parametrize("place", [Place.BEFORE, Place.SENT, Place.ANSWERED])
@EACH
def test_deleted_while_it_is_replaced_nothing_is_left(number: int, place: Place) -> None:
    run(Replaced(Wire(strikes={number: place})).deleted_meanwhile())


@pytest.mark.parametrize("late", [0.0, 4.0, 19.0])
@pytest.mark.parametrize("place", list(Place))
def test_taken_back_while_its_deletion_may_be_on_its_way(place: Place, late: float) -> None:
    """As it was, or another one: nobody is told that it was lost."""

    async def tale() -> None:
        life = Replaced(Wire(strikes={REQUESTS.index("delete"): place}), late=late)
        former = await life.up()
        life.ask()
        await until(lambda: life.processes[-1].queue._closed or life.another(former), 120, "death, or another one")
        life.api.apply(VM, BEFORE)
        await life.reach("at rest", life.ready)
        await _seconds(60.0)
        await life.reach("at rest still", life.ready)
        life._one_and_in_the_ledger()
        assert life.site.most == 1
        assert not [note for note in life.api.events.values() if note.reason == "MachineDeletedExternally"]
        life.over()

    run(tale())


def test_a_lighter_ceiling_an_annotation_and_a_pause_hold_it() -> None:
    async def tale() -> None:
        life = Replaced(Wire())
        former = await life.up()
        life.ask(spec("b", "Rebuild"))
        await life.reach("told", lambda: waits(life) == "MaxDisruption")
        life.api.patch(VM, {"metadata": {"annotations": {ANNOTATION_DO_NOT_DISRUPT: "here"}}})
        life.api.apply(VM, AFTER)
        await life.reach("told", lambda: waits(life) == "DoNotDisrupt")
        life.api.patch(VM, {"metadata": {"annotations": {PAUSED: "CHG-1", ANNOTATION_DO_NOT_DISRUPT: None}}})
        await _seconds(300.0)
        assert life.server() == former
        assert life.wire.names.count("delete") == 0
        life.api.patch(VM, {"metadata": {"annotations": {PAUSED: None}}})
        await life.reach("replaced", lambda: life.another(former))
        life.over()

    run(tale())


def test_what_is_wished_between_an_announced_creation_and_the_call_is_what_the_machine_was_made_with() -> None:
    """Else it would be replaced for what it has."""

    async def tale() -> None:
        life = Replaced(Wire(strikes={FIRST_CREATE: Place.BEFORE}))
        life.enter(BEFORE)
        await until(lambda: life.processes[-1].queue._closed, 60, "death")
        life.api.apply(VM, AFTER)
        await life.reach("Ready", life.ready)
        await _seconds(60.0)
        assert life.wire.names.count("delete") == 0
        (row,) = life.site.model.machines.values()
        assert list(row.ssh_keys) == AFTER["bootstrap"]["cloudInit"]["sshAuthorizedKeys"]
        life.over()

    run(tale())


def first_create() -> int:
    """Which of an undisturbed life's requests it is."""
    wire = Wire()

    async def tale() -> None:
        life = Replaced(wire)
        life.enter(BEFORE)
        await life.reach("Ready", life.ready)
        life.over()

    run(tale())
    return wire.names.index("create")


FIRST_CREATE = first_create()


def waits(life: Life) -> str:
    rows = life.api.status(VM).get("pendingChanges") or [{}]
    return str(rows[0].get("waitingFor", ""))


def test_it_counts_for_the_breaker_once_and_a_missing_secret_holds_it_before_anything_is_deleted() -> None:
    async def tale() -> None:
        life = Replaced(Wire())
        former = await life.up()
        life.api.apply(PROVIDER, limited(""))
        life.ask()
        await life.reach("held back", lambda: reason(life) == "DestructiveLimitReached")
        assert "operation" not in life.api.status(VM), "nothing is announced that is not done"
        wish = spec("b")
        wish["bootstrap"]["cloudInit"]["userDataRef"] = {"name": "ud", "key": "userData"}
        life.api.apply(VM, wish)
        life.api.apply(PROVIDER, limited("seen", most=1))
        await life.reach("the Secret is missed", lambda: reason(life) == "UserDataMissing")
        await _seconds(60.0)
        assert life.server() == former
        assert life.wire.names.count("delete") == 0
        life.api.secrets["ud"] = Secret("1", {"userData": b"#cloud-config\n{}"}, ())
        await life.reach("replaced", lambda: life.another(former))
        life.api.delete(VM)
        await life.reach("the next one is held back", lambda: reason(life) == "DestructiveLimitReached")
        life.over()

    run(tale())


def limited(token: str, most: int = 0) -> dict[str, Any]:
    return {**CATALOG[PROVIDER], "limits": {"maxDestructivePerHour": most, "destructiveAcknowledged": token}}


def reason(life: Life) -> str:
    return str(life.api.condition(VM, "Ready").get("reason"))


@pytest.mark.parametrize("change", [{"powerState": "PoweredOff"}, {"tags": {"team": "b"}}, {"restartedAt": "2"}])
def test_all_else_that_is_wished_with_it_is_made_with_the_new_one(change: dict[str, Any]) -> None:
    async def tale() -> None:
        life = Replaced(Wire())
        former = await life.up()
        life.ask(spec("b", **change))
        await life.reach("replaced", lambda: life.another(former))
        (row,) = life.site.model.machines.values()
        assert row.powered_on == (change.get("powerState") != "PoweredOff")
        assert row.tags == change.get("tags", {"team": "a"})
        assert life.api.status(VM)["handled"]["restartedAt"] == change.get("restartedAt", "")
        life.over()

    run(tale())
