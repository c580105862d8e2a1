"""A pool whose store is behind, and what happens between its decision and its requests."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from tests.engine.apiserver import FakeCluster
from tests.engine.process import Gate, Process
from tests.engine.samples import SPEC
from tests.engine.test_pool import POOL, Ground, member, story, wish
from tests.engine.virtual import until
from tests.engine.wire import Place

from hostwright.core.names import ANNOTATION_MACHINE_ID
from hostwright.engine.ports import Body, ClusterUnavailableError, Key


class Meanwhile(Gate):
    """Something happens between a decision and its requests."""

    happens: Callable[[], None] | None = None

    def check(self) -> None:
        if self.happens is not None:
            happens, self.happens = self.happens, None
            happens()


def test_a_member_that_is_orphaned_meanwhile_is_not_taken_back_by_a_change() -> None:
    """Else it would go with its pool, which its owner asked to spare it."""

    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(1))
        await ground.is_ready()
        gate, key = Meanwhile(), member("web-0")
        ground.process.engine.pools.gate = gate

        def orphan() -> None:
            ground.api.own(key, ground.api.objects[key], [])
            ground.process.engine.inbox.observe(key, "MODIFIED", ground.api.objects[key])
            ground.api.delete(POOL)

        gate.happens = orphan
        ground.api.apply(POOL, wish(1, machine={"tags": {"team": "b"}}))
        await until(lambda: POOL not in ground.api.objects, 30.0, "orphaned")
        await asyncio.sleep(30.0)
        assert ground.machines()["web-0"]["metadata"]["ownerReferences"] == []

    story(tale)


def test_a_birth_under_way_is_expected_though_the_lease_was_lost_and_won_meanwhile() -> None:
    async def tale(ground: Ground) -> None:
        gate = Meanwhile()
        ground.process.engine.pools.gate = gate
        gate.happens = lambda: ground.process.engine.turned(leading=True)
        ground.api.apply(POOL, wish(1))
        await ground.is_ready()
        await asyncio.sleep(30.0)
        assert ground.api.status(POOL)["births"] == 1

    story(tale, watch_lag=3.0)


def test_a_change_that_meets_an_unseen_one_reads_the_member_and_is_not_sent_on_and_on() -> None:
    """The watch shows nothing more; only the pool's new template is told."""

    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(1))
        await ground.is_ready()
        observe = ground.process.engine.inbox.observe
        ground.api.subscribers.remove(observe)
        key, sent = member("web-0"), ground.wire.names.count("apply")
        ground.api.apply(key, SPEC, annotations={**ground.api.objects[key]["metadata"]["annotations"], "theirs": "1"})
        ground.api.apply(POOL, wish(1, machine={"tags": {"team": "b"}}))
        observe(POOL, "MODIFIED", ground.api.objects[POOL])
        await until(lambda: ground.api.objects[key]["spec"]["tags"] == {"team": "b"}, 20, "changed")
        assert ground.wire.names.count("apply") - sent <= 3

    story(tale)


def test_an_object_that_takes_the_name_meanwhile_is_left_alone() -> None:
    """Written as the template is: nothing in it would contradict the birth's apply."""

    async def tale(ground: Ground) -> None:
        gate = Meanwhile()
        ground.process.engine.pools.gate = gate
        gate.happens = lambda: ground.api.apply(member("web-0"), dict(SPEC))
        ground.api.apply(POOL, wish(1))
        await until(lambda: ground.api.condition(POOL, "Stalled").get("reason") == "NameTaken", 60.0, "told")
        assert not ground.machines()["web-0"]["metadata"].get("ownerReferences")
        ground.api.delete(member("web-0"))
        await ground.is_ready()

    story(tale)


def test_a_member_that_the_watch_does_not_show_keeps_its_machine_id() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(1))
        await ground.is_ready()
        before = ground.machines()
        observe = ground.process.engine.inbox.observe
        observe(member("web-0"), "DELETED", before["web-0"])
        await asyncio.sleep(30.0)
        assert ground.machines() == before
        observe(member("web-0"), None, before["web-0"])
        await asyncio.sleep(30.0)
        assert list(ground.machines()) == ["web-0"]

    story(tale)


class Away(FakeCluster):
    """The API server is away for so many deletions: none of them arrives."""

    deletions = 0

    async def delete(self, key: Key, uid: str, version: str = "") -> None:
        if self.deletions:
            self.deletions -= 1
            raise ClusterUnavailableError("the API server is away")
        await super().delete(key, uid, version)


def test_a_deletion_that_never_arrived_is_asked_for_again() -> None:
    """Nothing moves meanwhile: the pool has to look by itself."""

    async def tale(ground: Ground) -> None:
        ground.process.kill()
        cluster = Away(ground.api, ground.wire)
        ground.process = Process(ground.api, ground.site, ground.wire, ground.clock, cluster=cluster).start()
        ground.api.apply(POOL, wish(1))
        await ground.is_ready()
        cluster.deletions = 1
        ground.api.apply(POOL, wish(0))
        await until(lambda: ground.machines() == {}, 60.0, "gone")

    story(tale)


def test_a_member_whose_end_the_watch_never_told_is_no_member() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(2))
        await ground.is_ready()
        inbox, subscribers = ground.process.engine.inbox, ground.api.subscribers
        subscribers.remove(inbox.observe)
        ground.api.delete(member("web-1"))
        ground.api._remove(member("web-1"), dict(ground.machines()["web-1"]))
        subscribers.append(inbox.observe)
        ground.api.apply(POOL, wish(1))
        await until(lambda: ground.process.store.get(member("web-1")) is None, 60.0, "known to be gone")
        await ground.is_ready()
        assert list(ground.machines()) == ["web-0"]

    story(tale)


@pytest.mark.parametrize("request_", ["delete_object", "apply"])
def test_what_arrives_late_and_unanswered_breaks_no_bound(request_: str) -> None:
    """A deletion, and the birth in its place must wait for it; a birth, and the next one must not have its name."""

    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(2))
        await ground.is_ready()
        ground.wire.late, ground.wire.next_of[request_] = 22.0, Place.CUT
        most, ids = 0, set[str]()
        if request_ == "apply":
            ground.api.apply(POOL, wish(3))
        else:
            ground.api.apply(POOL, wish(2, machine={"classRef": {"name": "medium"}}))

        def done() -> bool:
            nonlocal most
            most = max(most, len(ground.live()))
            ids.update(
                f"{name}/{body['metadata']['uid']}/{body['metadata']['annotations'][ANNOTATION_MACHINE_ID]}"
                for name, body in ground.machines().items()
            )
            return ground.ready() and ground.api.status(POOL)["upToDateReplicas"] == (3 if request_ == "apply" else 2)

        await until(done, 200.0, "rolled")
        assert most == 3
        uids = [each.split("/")[1] for each in ids]
        assert len(uids) == len(set(uids)), f"a member with two machine ids: {ids}"

    story(tale)


def test_a_member_that_is_let_go_while_its_deletion_is_on_its_way_stays() -> None:
    """It is its user's by then, and its pool has said so: a deletion is of the member as it was judged."""

    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(1))
        await ground.is_ready()
        ground.wire.late, ground.wire.next_of["delete_object"] = 5.0, Place.CUT
        ground.api.apply(POOL, wish(0))
        await until(lambda: "delete_object" in ground.wire.names, 5.0, "asked for")
        ground.api.apply(member("web-0"), SPEC, labels={"app": "mine"})
        await asyncio.sleep(30.0)
        assert "deletionTimestamp" not in ground.machines()["web-0"]["metadata"]
        assert ground.machines()["web-0"]["metadata"]["ownerReferences"] == []

    story(tale)


def test_members_that_the_store_shows_are_not_looked_up_after_a_slow_batch() -> None:
    """One request after the other, between two batches: a pool would grow the slower the slower the API server is."""

    async def tale(ground: Ground) -> None:
        asked = Counter[str]()

        class Counted(FakeCluster):
            async def get(self, key: Key) -> Body | None:
                asked[key.name] += 1
                return await super().get(key)

        ground.process.engine.pools.cluster = Counted(ground.api, ground.wire)
        ground.wire.there = 4.0  # 16 at once: three rounds of it
        ground.api.apply(POOL, wish(40))
        await until(lambda: len(ground.machines()) == 40, 60.0, "born")
        ground.wire.there = 0.005
        await ground.is_ready()
        assert {name: times for name, times in asked.items() if times > 1} == {}

    story(tale)
