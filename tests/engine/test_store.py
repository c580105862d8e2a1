"""The store: the newer body stays, and a reply never brings back what the watch saw leave."""

from typing import Any

from hostwright.engine.ports import Key
from hostwright.engine.store import Store
from hostwright.kinds.machineclass.resource import MachineClassSpec

CLASS = Key("MachineClass", "", "small")
VM = Key("VirtualMachine", "team-a", "web")


def body(version: int, uid: str = "u-1", **spec: Any) -> dict[str, Any]:
    return {
        "kind": "VirtualMachine",
        "metadata": {"namespace": "team-a", "name": "web", "uid": uid, "resourceVersion": str(version)},
        "spec": {"classRef": {"name": "small"}, **spec},
    }


def test_an_older_body_never_replaces_a_newer_one() -> None:
    store = Store()
    assert store.put(VM, body(7))
    assert not store.put(VM, body(6))
    assert not store.put(VM, body(7))
    assert store.put(VM, body(5), relisted=True)


def test_a_new_object_under_the_same_name_replaces_and_the_one_before_it_does_not_come_back() -> None:
    """The new one was read, and the watch is late; what is listed counts whatever its version."""
    store = Store()
    store.put(VM, body(3))
    assert store.put(VM, body(7, uid="u-2"))
    assert not store.put(VM, body(5))
    assert store.put(VM, body(5), relisted=True)


def test_a_reply_that_comes_after_the_deletion_brings_nothing_back() -> None:
    store = Store()
    store.put(VM, body(7))
    store.drop(VM)
    store.renew(VM, body(8))
    assert store.get(VM) is None
    assert store.users(CLASS) == frozenset()


def test_a_reply_about_an_object_that_was_made_anew_is_not_kept() -> None:
    store = Store()
    store.put(VM, body(7, uid="u-2"))
    store.renew(VM, body(9))
    assert (store.get(VM) or {})["metadata"]["uid"] == "u-2"


def test_a_reply_to_our_write_is_kept() -> None:
    store = Store()
    store.put(VM, body(7))
    store.renew(VM, body(8))
    assert (store.get(VM) or {})["metadata"]["resourceVersion"] == "8"


def test_users_follow_the_spec() -> None:
    store = Store()
    store.put(VM, body(7))
    assert store.users(CLASS) == {VM}
    store.put(VM, body(8, classRef={"name": "large"}))
    assert store.users(CLASS) == frozenset()


def test_a_spec_is_read_once_for_each_body() -> None:
    store, key = Store(), Key("MachineClass", "", "small")
    assert store.spec(key, MachineClassSpec) is None

    def small(version: int, memory: str) -> dict[str, Any]:
        metadata = {"name": "small", "uid": "c-1", "resourceVersion": str(version)}
        return {"kind": "MachineClass", "metadata": metadata, "spec": {"cpu": 1, "memory": memory}}

    store.put(key, small(1, "1Gi"))
    first = store.spec(key, MachineClassSpec)
    assert store.spec(key, MachineClassSpec) is first
    store.put(key, small(2, "2Gi"))
    assert (store.spec(key, MachineClassSpec) or MachineClassSpec(cpu=1, memory="1Mi")).memory == "2Gi"


def test_what_nobody_controls_is_told_with_its_labels() -> None:
    store = Store()
    store.put(VM, {**body(7), "metadata": {**body(7)["metadata"], "labels": {"pool": "a"}}})
    assert store.single("VirtualMachine") == {VM: {"pool": "a"}}
    owner = {"apiVersion": "compute.hostwright.dev/v1alpha1", "kind": "MachinePool", "name": "a", "uid": "p-1"}
    owned = {**body(8)["metadata"], "ownerReferences": [{**owner, "controller": True}]}
    store.put(VM, {**body(8), "metadata": owned})
    assert store.single("VirtualMachine") == {}
    assert store.owned("p-1") == {VM}
    store.put(VM, body(9))
    store.drop(VM)
    assert store.single("VirtualMachine") == {}


def test_the_version_of_what_is_kept_is_known_without_its_body() -> None:
    store = Store()
    assert store.version(VM) is None
    store.put(VM, body(7))
    store.put(VM, body(6))
    assert store.version(VM) == 7
    store.put(VM, body(5), relisted=True)
    assert store.version(VM) == 5
    store.drop(VM)
    assert store.version(VM) is None
