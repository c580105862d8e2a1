"""What a watch event, a moved row or a turn of a Provider makes the engine look at."""

import asyncio
from typing import Any

from hostwright.engine.first import FirstReading
from hostwright.engine.inbox import Inbox
from hostwright.engine.ports import Key
from hostwright.engine.queue import WorkQueue
from hostwright.engine.store import Store

VM = Key("VirtualMachine", "team-a", "web")
NOBODY_WAITS = FirstReading(lambda _: False)
SMALL, LARGE = Key("MachineClass", "", "small"), Key("MachineClass", "", "large")


def machine(version: int, *, size: str = "small", generation: int = 1, **status: Any) -> dict[str, Any]:
    return {
        "kind": "VirtualMachine",
        "metadata": {
            "namespace": "team-a",
            "name": "web",
            "uid": "u-1",
            "resourceVersion": str(version),
            "generation": generation,
        },
        "spec": {"providerRef": {"name": "sim"}, "classRef": {"name": size}},
        "status": status,
    }


def size(key: Key, version: int, *, deleting: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": key.name, "uid": key.name, "resourceVersion": str(version), "generation": 1}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"kind": "MachineClass", "metadata": metadata, "spec": {"cpu": 1, "memory": "1Gi"}}


async def woken(queue: WorkQueue) -> set[Key]:
    """Everything that waits now."""
    keys: set[Key] = set()
    while sum(queue.depth().values()):
        key = await asyncio.wait_for(queue.get(), 1)
        assert key is not None
        keys.add(key)
        queue.done(key)
    return keys


async def test_an_echo_of_our_own_patch_wakes_nobody() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    inbox.observe(VM, "ADDED", machine(1))
    await woken(queue)
    store.renew(VM, machine(2, phase="Running"))
    inbox.observe(VM, "MODIFIED", machine(2, phase="Running"))
    assert await woken(queue) == set()


async def test_a_class_that_is_being_deleted_is_looked_at_when_its_last_user_leaves() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    inbox.observe(VM, "ADDED", machine(1))
    inbox.observe(SMALL, "ADDED", size(SMALL, 2, deleting=True))
    await woken(queue)
    inbox.observe(VM, "DELETED", machine(3))
    assert await woken(queue) == {VM, SMALL}
    assert store.users(SMALL) == frozenset()


async def test_a_class_that_is_being_deleted_is_looked_at_when_its_last_user_names_another() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    inbox.observe(VM, "ADDED", machine(1))
    inbox.observe(SMALL, "ADDED", size(SMALL, 2, deleting=True))
    inbox.observe(LARGE, "ADDED", size(LARGE, 3))
    await woken(queue)
    inbox.observe(VM, "MODIFIED", machine(4, size="large", generation=2))
    assert await woken(queue) == {VM, SMALL}


async def test_a_changed_class_wakes_whoever_names_it() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    inbox.observe(VM, "ADDED", machine(1))
    await woken(queue)
    inbox.observe(SMALL, "ADDED", size(SMALL, 2))
    assert await woken(queue) == {SMALL, VM}


async def test_a_moved_row_wakes_the_machine_that_has_it_in_its_ledger() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    inbox.observe(VM, "ADDED", machine(1, resources=[{"name": "server", "id": "s-1"}]))
    await woken(queue)
    inbox.rows_moved(["s-1", "somebody-elses"])
    assert await woken(queue) == {VM}


async def test_a_class_that_left_although_it_was_held_wakes_whoever_names_it() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    inbox.observe(VM, "ADDED", machine(1))
    inbox.observe(SMALL, "ADDED", size(SMALL, 2, deleting=True))
    await woken(queue)
    inbox.observe(SMALL, "DELETED", size(SMALL, 3, deleting=True))
    assert await woken(queue) == {SMALL, VM}


async def test_a_namespace_that_is_heard_of_after_its_machines_wakes_them() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    inbox.observe(VM, "ADDED", machine(2))
    await woken(queue)  # and judged without the labels that say which Providers it may use
    metadata = {"name": "team-a", "uid": "n-1", "resourceVersion": "1", "labels": {"tier": "prod"}}
    inbox.observe(Key("Namespace", "", "team-a"), "ADDED", {"kind": "Namespace", "metadata": metadata})
    assert await woken(queue) == {VM}


async def test_a_namespace_that_gets_other_labels_wakes_its_machines() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    home = Key("Namespace", "", "team-a")

    def namespace(version: int, **labels: str) -> dict[str, Any]:
        metadata = {"name": "team-a", "uid": "n-1", "resourceVersion": str(version), "labels": labels}
        return {"kind": "Namespace", "metadata": metadata}

    inbox.observe(home, None, namespace(1))
    inbox.observe(VM, "ADDED", machine(2))
    await woken(queue)
    inbox.observe(home, "MODIFIED", namespace(3))
    assert await woken(queue) == set()
    inbox.observe(home, "MODIFIED", namespace(4, tier="prod"))
    assert await woken(queue) == {VM}


async def test_who_leads_anew_goes_on_first_with_what_was_under_way() -> None:
    store, queue = Store(), WorkQueue()
    inbox = Inbox(store, queue, NOBODY_WAITS)
    ready = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}
    busy = Key("VirtualMachine", "team-a", "busy")
    for key, status in ((VM, ready), (busy, {**ready, "operation": {"id": "op-1", "type": "Create"}})):
        body = machine(1, **status)
        inbox.observe(key, None, {**body, "metadata": {**body["metadata"], "name": key.name, "uid": key.name}})
    await woken(queue)  # dropped while another leads
    inbox.everything(("VirtualMachine",))
    assert [await queue.get(), await queue.get()] == [busy, VM]
