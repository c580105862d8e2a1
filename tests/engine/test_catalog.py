"""What is said of an image while the operator has not heard of its Provider yet."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tests.engine.place import Clock, Listener

from hostwright.core.decision import Note
from hostwright.core.names import FINALIZER
from hostwright.engine.catalog import CatalogPass
from hostwright.engine.ports import Body, Cluster, Key
from hostwright.engine.store import Store
from hostwright.engine.world import World

if TYPE_CHECKING:
    from hostwright.engine.groups import GroupPass

PROVIDER, IMAGE = Key("Provider", "", "sim"), Key("MachineImage", "", "tiny")
READY = {"type": "Ready", "status": "True", "reason": "Resolved", "message": "", "observedGeneration": 1}
KNOWN = {
    "observedGeneration": 1,
    "providers": [{"name": "sim", "id": "image-1", "ready": True}],
    "conditions": [{**READY, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
}


@dataclass
class Api:
    written: list[Body] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    async def patch_status(self, key: Key, patch: Body) -> Body:
        self.written.append(patch)
        return {"kind": key.kind, "metadata": {**metadata(key, 1), "resourceVersion": "9"}, "spec": {}}

    async def event(self, body: Body, note: Note) -> None:
        self.told.append(note.reason)


def metadata(key: Key, generation: int) -> dict[str, Any]:
    return {
        "name": key.name,
        "uid": key.name,
        "resourceVersion": "1",
        "generation": generation,
        "finalizers": [FINALIZER],
    }


async def looked_at(generation: int, status: dict[str, Any]) -> Api:
    """The first pass over the image after a start: no Provider has been logged in to yet."""
    store, api = Store(), Api()
    store.put(PROVIDER, {"kind": "Provider", "metadata": metadata(PROVIDER, 1), "spec": {"type": "Simulated"}})
    source = {"name": "sim", "providerRef": {"name": "sim"}, "simulated": {"image": "tiny"}}
    spec = {"os": {"type": "Linux"}, "sources": [source], "allowedNamespaces": {"from": "All"}}
    body = {"kind": "MachineImage", "metadata": metadata(IMAGE, generation), "spec": spec, "status": status}
    store.put(IMAGE, body)

    async def disconnect(_: str) -> None: ...

    catalog = CatalogPass(
        store,
        World(store, {}, frozenset({"simulated"})),
        cast("Cluster", api),
        Clock(),
        Listener(),
        "hostwright-system",
        connect=never,
        disconnect=disconnect,
        groups=cast("GroupPass", None),  # of Providers only
    )
    await catalog.machine_image(IMAGE)
    return api


def never(*_: Any) -> Any:
    raise AssertionError("an image connects no Provider")


async def test_a_restart_writes_nothing_of_an_image_that_was_ready() -> None:
    api = await looked_at(1, KNOWN)
    assert (api.written, api.told) == ([], [])


async def test_a_source_that_was_never_judged_waits_for_its_provider() -> None:
    for generation, status in ((1, {}), (2, KNOWN)):
        (patch,) = (await looked_at(generation, status)).written
        assert patch["status"]["providers"] == [
            {"name": "sim", "ready": False, "message": "the Provider is connecting"}
        ]
