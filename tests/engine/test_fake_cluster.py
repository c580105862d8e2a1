"""The API server in memory is believed as far as the real one passes the same: preconditions, finalizers, status."""

import copy
import itertools
from typing import Any

import pytest
from tests.engine.conftest import Users

from hostwright.core.names import FINALIZER
from hostwright.engine.ports import Body, Key, ObjectGoneError, StaleBodyError, WriteRefusedError
from hostwright.engine.store import resource_version, uid

SPEC = {
    "providerRef": {"name": "sim"},
    "classRef": {"name": "small"},
    "imageRef": {"name": "tiny"},
    "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]},
}
_NUMBERS = itertools.count()


@pytest.fixture
async def key(users: Users) -> Key:
    made = Key("VirtualMachine", "default", f"fake-or-real-{next(_NUMBERS)}")
    await users.create(made, SPEC)
    return made


async def now(users: Users, key: Key) -> Body:
    body = await users.cluster.get(key)
    assert body is not None
    return body


def patch(body: Body, status: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """With the precondition of this body."""
    carried = {"metadata": {"resourceVersion": body["metadata"]["resourceVersion"], **metadata}}
    return carried if status is None else {**carried, "status": status}


async def held(users: Users, key: Key) -> Body:
    body = await now(users, key)
    return await users.cluster.patch(key, patch(body, finalizers=[FINALIZER], uid=uid(body)))


async def test_a_new_object_has_a_generation_a_status_that_says_nothing_and_a_version(users: Users, key: Key) -> None:
    body = await now(users, key)
    assert body["metadata"]["generation"] == 1
    assert body["status"] == {"observedGeneration": -1}
    assert uid(body)
    assert resource_version(body) > 0


async def test_every_change_is_a_later_version_and_nothing_is_none(users: Users, key: Key) -> None:
    before = await now(users, key)
    told = await users.cluster.patch_status(key, patch(before, {"phase": "Pending"}))
    assert resource_version(told) > resource_version(before)
    again = await users.cluster.patch_status(key, patch(told, {"phase": "Pending"}))
    assert resource_version(again) == resource_version(told)


async def test_only_a_changed_spec_is_a_new_generation(users: Users, key: Key) -> None:
    body = await now(users, key)
    body = await users.cluster.patch_status(key, patch(body, {"phase": "Pending"}))
    body = await users.cluster.patch(key, patch(body, annotations={"a": "b"}))
    assert body["metadata"]["generation"] == 1
    await users.edit(key, {"tags": {"team": "a"}})
    assert (await now(users, key))["metadata"]["generation"] == 2


async def test_a_patch_of_the_spec_is_a_new_generation_and_null_takes_a_field_off(users: Users, key: Key) -> None:
    body = await now(users, key)
    body = await users.cluster.patch(key, {**patch(body), "spec": {"tags": {"team": "a"}}})
    assert (body["spec"]["tags"], body["metadata"]["generation"]) == ({"team": "a"}, 2)
    body = await users.cluster.patch(key, {**patch(body), "spec": {"tags": None}})
    assert ("tags" in body["spec"], body["metadata"]["generation"]) == (False, 3)
    again = await users.cluster.patch(key, {**patch(body), "spec": {"tags": None}})
    assert again["metadata"]["generation"] == 3


async def test_a_patch_from_an_old_body_is_refused_and_changes_nothing(users: Users, key: Key) -> None:
    old = await now(users, key)
    await users.edit(key, {"tags": {"team": "a"}})
    with pytest.raises(StaleBodyError):
        await users.cluster.patch(key, patch(old, annotations={"a": "b"}))
    with pytest.raises(StaleBodyError):
        await users.cluster.patch_status(key, patch(old, {"phase": "Pending"}))
    body = await now(users, key)
    assert "annotations" not in body["metadata"]
    assert "phase" not in body["status"]


async def test_a_patch_for_another_uid_is_refused_on_the_object_and_ignored_on_its_status(
    users: Users, key: Key
) -> None:
    body = await now(users, key)
    with pytest.raises(StaleBodyError):
        await users.cluster.patch(key, patch(body, annotations={"a": "b"}, uid="another"))
    told = await users.cluster.patch_status(key, patch(body, {"phase": "Pending"}, uid="another"))
    assert (told["status"]["phase"], uid(told)) == ("Pending", uid(body))


async def test_each_patch_touches_its_own_side_only(users: Users, key: Key) -> None:
    body = await now(users, key)
    told = await users.cluster.patch_status(key, {**patch(body, {"phase": "Pending"}), "spec": {"tags": {"x": "y"}}})
    assert "tags" not in told["spec"]
    both = await users.cluster.patch(key, {**patch(told, annotations={"a": "b"}), "status": {"phase": "Running"}})
    assert both["status"]["phase"] == "Pending"


async def test_null_removes_maps_are_merged_and_lists_go_whole(users: Users, key: Key) -> None:
    rows = [{"name": name, "id": name, "state": "Created", "ownership": "Created"} for name in ("server", "port/a")]
    body = await now(users, key)
    body = await users.cluster.patch_status(
        key, patch(body, {"phase": "Pending", "resources": rows, "handled": {"restartedAt": "1"}})
    )
    body = await users.cluster.patch_status(
        key, patch(body, {"phase": None, "resources": rows[1:], "handled": {"other": "2"}})
    )
    assert "phase" not in body["status"]
    assert [row["name"] for row in body["status"]["resources"]] == ["port/a"]
    assert body["status"]["handled"] == {"restartedAt": "1", "other": "2"}


async def test_without_a_finalizer_a_deleted_object_is_gone_and_with_one_it_waits(users: Users, key: Key) -> None:
    await held(users, key)
    await users.delete(key)
    body = await now(users, key)
    assert body["metadata"]["deletionTimestamp"]
    assert body["metadata"]["generation"] == 2
    await users.delete(key)
    assert resource_version(await now(users, key)) == resource_version(body)
    await users.cluster.drop_finalizer(key, body, FINALIZER)
    assert await users.cluster.get(key) is None
    await users.create(key, SPEC)
    await users.delete(key)
    assert await users.cluster.get(key) is None


async def test_a_terminating_object_takes_no_finalizer_any_more(users: Users, key: Key) -> None:
    await held(users, key)
    await users.delete(key)
    body = await now(users, key)
    with pytest.raises(WriteRefusedError):
        await users.cluster.patch(key, patch(body, finalizers=[FINALIZER, "somebody/else"]))
    await users.cluster.drop_finalizer(key, body, FINALIZER)


async def test_a_finalizer_is_dropped_from_the_object_that_was_meant_only(users: Users, key: Key) -> None:
    old = await held(users, key)
    await users.delete(key)
    assert await users.cluster.drop_finalizer(key, old, FINALIZER) is not None  # the reply still shows the object
    assert await users.cluster.drop_finalizer(key, old, FINALIZER) is None
    await users.create(key, SPEC)
    new = await held(users, key)
    assert uid(new) != uid(old)
    with pytest.raises(StaleBodyError):
        await users.cluster.drop_finalizer(key, old, FINALIZER)
    assert (await now(users, key))["metadata"]["finalizers"] == [FINALIZER]


async def test_a_finalizer_is_dropped_whatever_else_changed(users: Users, key: Key) -> None:
    """Its precondition is the uid and the finalizer, not the version."""
    old = await held(users, key)
    await users.edit(key, {"tags": {"team": "a"}})
    after = await users.cluster.drop_finalizer(key, old, FINALIZER)
    assert after is not None
    assert not after["metadata"].get("finalizers")


async def test_what_is_not_there_cannot_be_written(users: Users) -> None:
    key = Key("VirtualMachine", "default", "nobody")
    assert await users.cluster.get(key) is None
    with pytest.raises(ObjectGoneError):
        await users.cluster.patch(key, {"metadata": {"annotations": {"a": "b"}}})
    with pytest.raises(ObjectGoneError):
        await users.cluster.patch_status(key, {"metadata": {}, "status": {"phase": "Pending"}})


APPLIED = {
    "metadata": {
        "labels": {"app": "web"},
        "annotations": {"a": "b"},
        "finalizers": [FINALIZER],
    },
    "spec": {**SPEC, "tags": {"team": "a", "env": "prod"}},
}


async def owner(users: Users) -> dict[str, Any]:
    """One that is there: what names an owner that is not, the real garbage collector takes."""
    found = await users.cluster.get(Key("Namespace", "", "default"))
    there = uid(found) if found is not None else "u-1"
    return {"apiVersion": "v1", "kind": "Namespace", "name": "default", "uid": there, "controller": True}


def applied(**metadata: Any) -> dict[str, Any]:
    found = copy.deepcopy(APPLIED)
    found["metadata"] |= metadata
    return found


@pytest.fixture
def unborn() -> Key:
    return Key("VirtualMachine", "default", f"applied-{next(_NUMBERS)}")


async def test_an_apply_makes_what_is_not_there_whole(users: Users, unborn: Key) -> None:
    wanted = applied(ownerReferences=[await owner(users)])
    body = await users.cluster.apply(unborn, wanted, force=False)
    metadata = body["metadata"]
    assert (metadata["labels"], metadata["finalizers"], metadata["generation"]) == ({"app": "web"}, [FINALIZER], 1)
    assert metadata["ownerReferences"][0]["name"] == "default"
    body = await users.cluster.patch_status(unborn, patch(body, {"phase": "Pending"}))
    again = await users.cluster.apply(unborn, wanted, force=False)
    assert resource_version(again) == resource_version(body), "nothing new: no new version"


async def test_an_apply_takes_away_what_it_had_and_has_no_more_and_leaves_what_is_others(
    users: Users, unborn: Key
) -> None:
    body = await users.cluster.apply(unborn, applied(), force=False)
    body = await users.cluster.patch(unborn, patch(body, annotations={"theirs": "c"}))
    fewer = {**applied(annotations={}), "spec": {**SPEC, "tags": {"team": "a"}}}
    body = await users.cluster.apply(unborn, fewer, force=True)
    assert (body["spec"]["tags"], body["metadata"]["annotations"]) == ({"team": "a"}, {"theirs": "c"})
    assert body["metadata"]["generation"] == 2


async def test_an_apply_without_force_stops_before_what_is_anothers(users: Users, key: Key) -> None:
    other = {**applied(), "spec": {**SPEC, "classRef": {"name": "large"}}}
    with pytest.raises(StaleBodyError):
        await users.cluster.apply(key, other, force=False)
    assert "labels" not in (await now(users, key))["metadata"]
    body = await users.cluster.apply(key, other, force=True)
    assert body["spec"]["classRef"]["name"] == "large"


async def test_an_apply_for_a_uid_or_an_old_version_touches_no_other(users: Users, unborn: Key) -> None:
    with pytest.raises(StaleBodyError):
        await users.cluster.apply(unborn, applied(uid="another"), force=True)
    old = await users.cluster.apply(unborn, applied(), force=False)
    await users.edit(unborn, {"powerState": "PoweredOff"})
    version = old["metadata"]["resourceVersion"]
    with pytest.raises(StaleBodyError):
        await users.cluster.apply(unborn, applied(uid=uid(old), resourceVersion=version), force=True)
    with pytest.raises(StaleBodyError):
        await users.cluster.apply(unborn, applied(uid="another"), force=True)


async def test_a_deletion_is_of_the_object_that_was_meant_only(users: Users, unborn: Key) -> None:
    body = await users.cluster.apply(unborn, applied(), force=False)
    with pytest.raises(StaleBodyError):
        await users.cluster.delete(unborn, "another")
    await users.cluster.delete(unborn, uid(body))
    assert (await now(users, unborn))["metadata"]["deletionTimestamp"]
    await users.cluster.delete(unborn, uid(body))
    with pytest.raises(ObjectGoneError):
        await users.cluster.delete(Key("VirtualMachine", "default", "never-there"), "any")


async def test_a_protected_object_is_not_deleted(users: Users, unborn: Key) -> None:
    protected = {**applied(finalizers=[]), "spec": {**SPEC, "deletionProtection": True}}
    body = await users.cluster.apply(unborn, protected, force=False)
    with pytest.raises(WriteRefusedError):
        await users.cluster.delete(unborn, uid(body))


async def test_owners_are_set_on_the_body_that_was_seen_only(users: Users, key: Key) -> None:
    body = await now(users, key)
    owned = await users.cluster.own(key, body, [await owner(users)])
    assert [each["name"] for each in owned["metadata"]["ownerReferences"]] == ["default"]
    with pytest.raises(StaleBodyError):
        await users.cluster.own(key, body, [])
    freed = await users.cluster.own(key, owned, [])
    assert not freed["metadata"].get("ownerReferences")
