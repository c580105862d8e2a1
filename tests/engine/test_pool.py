"""A pool's life over the API server in memory and a simulated site, in virtual time; its process can be killed."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG, SPEC
from tests.engine.virtual import Clock, run, until
from tests.engine.wire import Place, Wire

from hostwright.core.names import ANNOTATION_DELETE_MACHINE, ANNOTATION_DO_NOT_DISRUPT, ANNOTATION_MACHINE_ID, FINALIZER
from hostwright.engine.ports import Key

POOL = Key("MachinePool", "team-a", "web")
LABELS = {"app": "web"}
#: Seconds until the watch shows what was written: at once, later than the reply, much later.
SLOW = [0.002, 0.2, 3.0]


def member(name: str) -> Key:
    return Key("VirtualMachine", "team-a", name)


def wish(replicas: int = 3, *, machine: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": dict(LABELS)}, "virtualMachine": {**SPEC, **(machine or {})}}
    return {"replicas": replicas, "selector": {"matchLabels": dict(LABELS)}, "template": template, **changes}


class Ground:
    """An operator, its API server and site, with the catalog there."""

    def __init__(self, watch_lag: float = 0.002) -> None:
        self.clock = Clock()
        self.api, self.site, self.wire = ApiServer(self.clock, watch_lag), site(), Wire()
        for key, spec in CATALOG.items():
            self.api.apply(key, spec)
        image = {"sources": [{"name": "sim", "providerRef": {"name": "sim"}, "simulated": {"image": "gone"}}]}
        self.api.apply(Key("MachineImage", "", "bad"), {"allowedNamespaces": {"from": "All"}, **image})
        self.api.apply(
            Key("MachineClass", "", "medium"), {"cpu": 2, "memory": "1Gi", "allowedNamespaces": {"from": "All"}}
        )
        self.process = Process(self.api, self.site, self.wire, self.clock).start()

    def again(self) -> None:
        self.process.kill()
        self.process = Process(self.api, self.site, self.wire, self.clock, name="two").start()

    def machines(self) -> dict[str, Any]:
        found = {key.name: body for key, body in self.api.objects.items() if key.kind == "VirtualMachine"}
        return {name: found[name] for name in sorted(found)}

    def live(self) -> dict[str, Any]:
        return {name: body for name, body in self.machines().items() if "deletionTimestamp" not in body["metadata"]}

    def labelled(self, name: str) -> int:
        return sum(name in body["metadata"]["labels"] for body in self.live().values())

    def truly_ready(self) -> int:
        """Members that live and are ready, whatever the pool knows of it."""
        rows = [row for body in self.live().values() for row in body["status"].get("conditions") or ()]
        return sum(row["type"] == "Ready" and row["status"] == "True" for row in rows)

    def connected(self) -> bool:
        found = self.process.connections.get("sim")
        return found is not None and found.state.session is not None

    def ready(self) -> bool:
        body = self.api.objects[POOL]
        fresh = (body.get("status") or {}).get("observedGeneration") == body["metadata"]["generation"]
        return fresh and self.api.condition(POOL, "Ready").get("status") == "True"

    async def is_ready(self, seconds: float = 120.0) -> None:
        await until(self.ready, seconds, f"the pool Ready: {self.api.condition(POOL, 'Ready')}")
        assert self.process.told.bugs == []


def classes(ground: Ground) -> list[str]:
    return [body["spec"]["classRef"]["name"] for body in ground.live().values()]


def story(tale: Callable[[Ground], Any], watch_lag: float = 0.002) -> None:
    async def begun() -> None:
        ground = Ground(watch_lag)
        await tale(ground)
        assert ground.process.told.bugs == []
        ground.process.kill()

    run(begun())


def test_it_makes_its_members_with_all_that_they_need_from_birth() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish())
        await ground.is_ready()
        assert list(ground.machines()) == ["web-0", "web-1", "web-2"]
        for body in ground.machines().values():
            owner = body["metadata"]["ownerReferences"][0]
            assert (owner["name"], owner["controller"], owner["uid"]) == (
                "web",
                True,
                ground.api.objects[POOL]["metadata"]["uid"],
            )
            assert body["metadata"]["finalizers"] == [FINALIZER]
            assert body["metadata"]["annotations"][ANNOTATION_MACHINE_ID] == body["status"]["machineID"]
        status = ground.api.status(POOL)
        assert (status["births"], status["replicas"], status["readyReplicas"], status["selector"]) == (
            3,
            3,
            3,
            "app=web",
        )
        assert len(ground.site.model.machines) == 3

    story(tale)


def test_it_scales_down_in_order_and_to_nothing() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(5))
        await ground.is_ready()
        ground.api.patch(member("web-1"), {"metadata": {"annotations": {ANNOTATION_DELETE_MACHINE: ""}}})
        ground.api.patch(
            Key("VirtualMachine", "team-a", "web-4"), {"metadata": {"annotations": {ANNOTATION_DO_NOT_DISRUPT: ""}}}
        )
        ground.api.apply(POOL, wish(3))
        await ground.is_ready()
        assert list(ground.machines()) == ["web-0", "web-2", "web-4"]
        ground.api.apply(POOL, wish(0))
        await ground.is_ready()
        assert ground.machines() == {}
        assert ground.site.model.machines == {}

    story(tale)


@pytest.mark.parametrize("watch_lag", SLOW)
def test_another_class_replaces_one_after_the_other(watch_lag: float) -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(3))
        await ground.is_ready()
        ground.api.apply(POOL, wish(3, machine={"classRef": {"name": "medium"}}))
        least, most = 9, 0

        def rolled() -> bool:
            nonlocal least, most
            least = min(least, ground.truly_ready())
            most = max(most, len(ground.live()))
            return ground.ready() and ground.api.status(POOL)["upToDateReplicas"] == 3

        await until(rolled, 120.0, "rolled")
        assert classes(ground) == ["medium"] * 3
        assert (least, most) == (3, 4)

    story(tale, watch_lag)


@pytest.mark.parametrize("watch_lag", SLOW)
@pytest.mark.parametrize("unavailable", [0, 1])
def test_another_class_resizes_its_members_where_that_is_allowed(unavailable: int, watch_lag: float) -> None:
    """With none to spare, beside one more member; that one goes again."""
    rollout = {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": unavailable}}}
    allowed = {"updatePolicy": {"maxDisruption": "Restart"}}

    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(3, machine=allowed, rollout=rollout))
        await ground.is_ready()
        before = {name: body["metadata"]["uid"] for name, body in ground.live().items()}
        ground.api.apply(POOL, wish(3, machine={**allowed, "classRef": {"name": "medium"}}, rollout=rollout))
        least, most = 9, 0

        def rolled() -> bool:
            nonlocal least, most
            least = min(least, ground.truly_ready())
            most = max(most, len(ground.live()))
            return ground.ready() and ground.api.status(POOL)["upToDateReplicas"] == 3

        await until(rolled, 180.0, "rolled")
        assert {name: body["metadata"]["uid"] for name, body in ground.live().items()} == before
        assert sorted(machine.cpu for machine in ground.site.model.machines.values()) == [2, 2, 2]
        assert least >= 3 - unavailable
        assert most == 4 - unavailable

    story(tale, watch_lag)


def test_what_only_another_machine_can_have_comes_with_other_members_whatever_is_allowed() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(3, machine=keyed("a")))
        await ground.is_ready()
        before = {body["metadata"]["uid"] for body in ground.live().values()}
        ground.api.apply(POOL, wish(3, machine=keyed("b")))
        least = 9

        def rolled() -> bool:
            nonlocal least
            least = min(least, ground.truly_ready())
            return ground.ready() and ground.api.status(POOL)["upToDateReplicas"] == 3

        await until(rolled, 180.0, "rolled")
        assert not before & {body["metadata"]["uid"] for body in ground.live().values()}
        assert least == 3
        assert ground.wire.names.count("create") == 6, "no member replaced its own machine"

    story(tale)


def keyed(letter: str) -> dict[str, Any]:
    key = f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43} me"
    bootstrap = {"onChange": "Replace", "cloudInit": {"sshAuthorizedKeys": [key]}}
    return {"updatePolicy": {"maxDisruption": "Replace"}, "bootstrap": bootstrap}


def test_a_bad_image_stops_the_rollout_with_one_member_broken() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(3))
        await ground.is_ready()
        ground.api.apply(POOL, wish(3, machine={"imageRef": {"name": "bad"}}))
        await until(lambda: len(ground.live()) == 4, 30.0, "the surge")
        await asyncio.sleep(120.0)
        bad = [name for name, body in ground.live().items() if body["spec"]["imageRef"]["name"] == "bad"]
        assert (len(bad), ground.api.status(POOL)["readyReplicas"]) == (1, 3)
        assert bad[0] in ground.api.condition(POOL, "Ready")["message"]
        ground.api.apply(POOL, wish(3))
        await ground.is_ready()
        assert len(ground.machines()) == 3

    story(tale)


@pytest.mark.parametrize("watch_lag", SLOW)
def test_tags_and_labels_are_changed_in_place(watch_lag: float) -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(3))
        await ground.is_ready()
        before = {name: body["metadata"]["uid"] for name, body in ground.machines().items()}
        spec = wish(3, machine={"tags": {"team": "b"}, "timeouts": {"create": "5m"}})
        spec["template"]["metadata"]["labels"]["tier"] = "front"
        ground.api.apply(POOL, spec)
        await until(
            lambda: ground.ready() and all(b["metadata"]["labels"].get("tier") for b in ground.live().values()), 60.0
        )
        await ground.is_ready()
        assert {name: body["metadata"]["uid"] for name, body in ground.machines().items()} == before
        assert {body["spec"]["tags"]["team"] for body in ground.machines().values()} == {"b"}
        ground.api.apply(POOL, wish(3, machine={"tags": {"team": "b"}}))
        await until(
            lambda: not any("tier" in body["metadata"]["labels"] for body in ground.live().values()), 60.0, "label gone"
        )
        assert not any("timeouts" in body["spec"] for body in ground.machines().values())
        assert {name: body["metadata"]["uid"] for name, body in ground.machines().items()} == before

    story(tale, watch_lag)


@pytest.mark.parametrize("where", [Place.SENT, Place.ANSWERED, Place.BEFORE])
@pytest.mark.parametrize("number", range(2, 9))
def test_killed_at_any_request_it_makes_no_member_too_many(number: int, where: Place) -> None:
    async def tale(ground: Ground) -> None:
        await until(
            lambda: ground.process.connections and ground.process.connections["sim"].state.session is not None, 20.0
        )
        await asyncio.sleep(3.0)
        struck = len(ground.wire.names) + number
        ground.wire.strikes[struck] = where
        ground.wire.die = ground.process.kill
        ground.api.apply(POOL, wish(3))
        await asyncio.sleep(5.0)
        ground.again()
        await ground.is_ready()
        assert len(ground.machines()) == 3
        assert len(ground.site.model.machines) == 3
        assert ground.site.most == 1

    story(tale)


def test_a_lost_reply_makes_no_member_too_many() -> None:
    async def tale(ground: Ground) -> None:
        ground.wire.next_of["apply"] = Place.LOST
        ground.api.apply(POOL, wish(3))
        await ground.is_ready()
        assert len(ground.machines()) == 3
        assert ground.api.status(POOL)["births"] == 3

    story(tale)


def test_an_object_of_that_name_is_left_alone_and_told() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(member("web-1"), {**SPEC, "classRef": {"name": "medium"}})
        ground.api.apply(POOL, wish(3))
        await until(lambda: ground.api.condition(POOL, "Stalled").get("reason") == "NameTaken", 60.0, "told")
        assert "web-1" in ground.api.condition(POOL, "Stalled")["message"]
        assert ground.machines()["web-1"]["metadata"].get("ownerReferences") is None
        ground.api.delete(member("web-1"))
        await ground.is_ready()
        assert list(ground.machines()) == ["web-0", "web-1", "web-2"]

    story(tale)


def test_a_machine_with_its_labels_is_taken_in_and_one_that_loses_them_let_go() -> None:
    async def tale(ground: Ground) -> None:
        mine = member("mine")
        ground.api.apply(mine, SPEC, labels=dict(LABELS))
        ground.api.apply(POOL, wish(2))
        await ground.is_ready()
        assert list(ground.machines()) == ["mine", "web-0"]
        assert ground.machines()["mine"]["metadata"]["ownerReferences"][0]["name"] == "web"
        ground.api.patch(mine, {"metadata": {"labels": {"app": "mine"}}})
        await until(lambda: list(ground.machines()) == ["mine", "web-0", "web-1"], 60.0, "another in its place")
        assert not ground.machines()["mine"]["metadata"]["ownerReferences"]

    story(tale)


def test_a_copy_of_a_member_that_has_no_machine_yet_makes_none() -> None:
    async def tale(ground: Ground) -> None:
        ground.site.down = True
        ground.api.apply(POOL, wish(1))
        await until(lambda: member("web-0") in ground.api.objects, 30, "born")
        identity = dict(ground.machines()["web-0"]["metadata"]["annotations"])
        copies = [member(f"copy-{number}") for number in range(30)]
        for key in copies:  # in the same second: some have the smaller uid
            ground.api.apply(key, SPEC, annotations=identity)
        await until(lambda: all(ground.api.condition(key, "Ready") for key in copies), 60, "seen")
        ground.site.down = False
        await until(ground.ready, 300, "ready")
        await asyncio.sleep(60.0)
        assert {ground.api.condition(key, "Ready").get("reason") for key in copies} == {"OwnershipConflict"}
        assert ground.site.most == 1
        assert [row.object_name for row in ground.site.model.machines.values()] == ["web-0"]

    story(tale)


def test_the_younger_of_two_pools_that_select_the_same_does_nothing() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(1))
        await ground.is_ready()
        other = Key("MachinePool", "team-a", "copy")
        ground.api.apply(other, wish(2))
        await until(lambda: ground.api.condition(other, "Stalled").get("reason") == "SelectorOverlap", 60.0, "told")
        assert list(ground.machines()) == ["web-0"]

    story(tale)


def test_a_protected_member_is_skipped_and_told() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(2))
        await ground.is_ready()
        for name in ("web-0", "web-1"):
            key = member(name)
            ground.api.apply(key, {**ground.api.objects[key]["spec"], "deletionProtection": True})
        ground.api.apply(POOL, wish(1))
        await until(lambda: ground.api.condition(POOL, "Ready").get("reason") == "MemberProtected", 60.0, "told")
        assert len(ground.live()) == 2
        key = member("web-0")
        ground.api.apply(key, {**ground.api.objects[key]["spec"], "deletionProtection": False})
        await until(lambda: list(ground.machines()) == ["web-1"], 60.0, "the unprotected one gone")

    story(tale)


def test_a_settled_pool_writes_nothing_and_a_restart_neither() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(3))
        await ground.is_ready()
        await asyncio.sleep(10.0)
        before = len(ground.wire.names)
        await asyncio.sleep(600.0)
        ground.again()
        await asyncio.sleep(60.0)
        assert ground.wire.names[before:] == []

    story(tale)


def test_a_deletion_that_meets_anothers_write_is_asked_for_again_at_once() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(3))
        await ground.is_ready()
        ground.api.busy_deletions = 2
        ground.api.apply(POOL, wish(1))
        await until(lambda: list(ground.machines()) == ["web-0"], 5.0, "two gone")

    story(tale)
