"""The first list of all objects: whole before anything begins, however often it breaks off."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from hostwright.engine.first import FirstReading
from hostwright.engine.inbox import Inbox
from hostwright.engine.ports import Body, ClusterUnavailableError, Key, ObjectGoneError
from hostwright.engine.queue import WorkQueue
from hostwright.engine.store import Store
from hostwright.runtime.listing import FirstList
from hostwright.runtime.refusal import StartRefusedError

AWAY = ClusterUnavailableError("503")


def _body(name: str, version: str = "5") -> Body:
    metadata = {"name": name, "namespace": "default", "uid": f"u-{name}", "resourceVersion": version}
    return {"metadata": metadata, "spec": {}, "status": {}}


@dataclass
class Pages:
    """What each try to list a kind gives: pages, and at its end perhaps an error."""

    of: dict[str, list[list[Any]]] = field(default_factory=dict)
    version: str = "70"

    def collections(self, kind: str, namespaces: Sequence[str]) -> Sequence[str]:
        return [f"/{space}/{kind}" for space in namespaces] if namespaces else [f"/{kind}"]

    async def pages(self, collection: str) -> AsyncIterator[tuple[Sequence[Body], str]]:
        tries = self.of.get(collection.rpartition("/")[2], [[[]]])
        for page in tries.pop(0) if len(tries) > 1 else tries[0]:
            if isinstance(page, Exception):
                raise page
            await asyncio.sleep(0)
            yield page, self.version


class Place:
    def __init__(self, namespaces: Sequence[str] = (), **of: list[list[Any]]) -> None:
        self.store = Store()
        inbox = Inbox(self.store, WorkQueue(), FirstReading(lambda _: False))
        self.first = FirstList(Pages(of), namespaces, self.store, inbox)

    def names(self, kind: str) -> list[str]:
        return sorted(key.name for key in self.store.keys(kind))


async def test_kopf_is_told_once_where_the_list_ended_and_only_when_it_has() -> None:
    place = Place(VirtualMachine=[[[_body("a")], [_body("b")]]])
    waits = asyncio.ensure_future(place.first.ended("/VirtualMachine"))
    await asyncio.sleep(0)
    assert not waits.done()
    await place.first.make()
    assert await waits == "70"
    assert place.names("VirtualMachine") == ["a", "b"]
    assert await place.first.ended("/VirtualMachine") == "", "a second list, as after a 410, is its own"
    assert await place.first.ended("/apis") == ""


async def test_each_namespace_that_is_watched_has_its_own() -> None:
    place = Place(("one", "two"))
    await place.first.make()
    assert [await place.first.ended(path) for path in ("/one/MachinePool", "/two/MachinePool")] == ["70", "70"]


async def test_a_list_that_breaks_off_is_made_anew_and_what_is_gone_since_is_dropped() -> None:
    place = Place(VirtualMachine=[[[_body("gone"), _body("stays")], AWAY], [[_body("stays", "9")], [_body("new")]]])
    await place.first.make(patience=(0.0,))
    assert place.names("VirtualMachine") == ["new", "stays"]
    held = place.store.get(Key("VirtualMachine", "default", "stays"))
    assert held is not None
    assert held["metadata"]["resourceVersion"] == "9"


async def test_an_api_server_that_stays_away_ends_the_process_and_nobody_is_told_of_half_a_list() -> None:
    place = Place(VirtualMachine=[[[_body("a")], AWAY]])
    waits = asyncio.ensure_future(place.first.ended("/VirtualMachine"))
    with pytest.raises(ClusterUnavailableError):
        await place.first.make(patience=(0.0, 0.0))
    assert not waits.done()
    waits.cancel()


async def test_a_kind_that_is_not_installed_is_named() -> None:
    place = Place(MachinePool=[[ObjectGoneError("404")]])
    with pytest.raises(StartRefusedError, match=r"MachinePool.*crds"):
        await place.first.make()


async def test_a_watch_that_was_given_up_meanwhile_lists_for_itself() -> None:
    """kopf logs in anew: its tasks are cancelled and begin again."""
    place = Place()
    waits = asyncio.ensure_future(place.first.ended("/Provider"))
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    await place.first.make()
    assert await place.first.ended("/Provider") == ""
