"""What a machine is told of its group, by the Provider's status: the id, or why it waits."""

from typing import Any, cast

import pytest
from tests.engine.place import KEY, Place

from hostwright.core.errors import Failure, GroupNotReady, GroupQuotaExceeded, InvalidConfiguration, QuotaExceeded
from hostwright.engine.bindings import Catalog
from hostwright.engine.ports import Key
from hostwright.kinds.provider.resource import MOST_GROUPS
from hostwright.kinds.virtualmachine.placement import GroupBinding
from hostwright.kinds.virtualmachine.port import Bindings
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec

ROW = {"name": "team-a/web", "policy": "AntiAffinity", "state": "Created", "id": "g1", "title": "t"}
GROUP = {"group": {"name": "web", "policy": "AntiAffinity"}}


def bound(
    *rows: dict[str, Any], placement: dict[str, Any] | None = GROUP, server: str = "", **spec: Any
) -> GroupBinding | None:
    place = Place(**({"placement": placement} if placement else {}), **spec)
    provider = Key("Provider", "", "sim")
    body = place.store.get(provider) or {}
    metadata = {**body["metadata"], "resourceVersion": "2"}
    place.store.put(provider, {**body, "metadata": metadata, "status": {"groups": list(rows)}})
    status = {"resources": [{"name": "server", "id": server}] if server else []}
    spec = VirtualMachineSpec.model_validate(place.api.body["spec"])
    catalog = Catalog(place.store, place._tools.world)
    found = catalog.bindings(KEY, spec, {**place.api.body, "status": status})
    assert isinstance(found, Bindings), found
    return found.group


def why(*rows: dict[str, Any], **more: Any) -> Failure:
    found = bound(*rows, **more)
    assert found is not None
    assert found.id == ""
    return cast("Failure", found.failure)


def test_a_machine_that_names_none_has_none() -> None:
    assert bound(ROW, placement=None) is None
    assert bound(ROW, placement={}) is None


def test_one_that_is_there_is_named_by_its_id_and_made_anew_it_is_another() -> None:
    found = bound({**ROW, "name": "team-b/web", "id": "g9"}, ROW)
    assert found == GroupBinding("web", "g1")
    assert found is not None
    assert found.word == "web/g1"


@pytest.mark.parametrize(
    ("rows", "failure", "words"),
    [
        ((), GroupNotReady, "being made"),
        (({**ROW, "name": "team-b/web"},), GroupNotReady, "being made"),
        (({**ROW, "state": "Creating", "id": ""},), GroupNotReady, "being made"),
        (({**ROW, "state": "Deleting"},), GroupNotReady, "being removed"),
        (({**ROW, "policy": "Affinity"},), InvalidConfiguration, "has the policy Affinity"),
        (
            ({**ROW, "policy": "Affinity"},),
            InvalidConfiguration,
            "An empty one is made anew once all who name",
        ),
        (({**ROW, "policy": "Affinity", "state": "Deleting"},), GroupNotReady, "and then made anew"),
        (
            ({**ROW, "state": "Creating", "reason": "GroupQuotaExceeded", "message": "Nova says: no"},),
            GroupQuotaExceeded,
            "Nova says: no",
        ),
        (
            ({**ROW, "state": "Creating", "reason": "QuotaExceeded", "message": "no"},),
            QuotaExceeded,
            "no",
        ),
        (
            tuple({**ROW, "name": f"team-b/g{number}"} for number in range(MOST_GROUPS)),
            GroupQuotaExceeded,
            f"has {MOST_GROUPS} groups",
        ),
    ],
)
def test_a_machine_waits_in_the_words_of_what_it_waits_for(
    rows: tuple[dict[str, Any], ...], failure: type[Failure], words: str
) -> None:
    told = why(*rows)
    assert type(told) is failure
    assert words in told.message


def test_a_machine_that_is_there_waits_for_no_group() -> None:
    assert bound(server="s1") == bound(managementPolicy="ObserveOnly") == GroupBinding("web")
    assert bound({**ROW, "state": "Creating", "id": "", "reason": "QuotaExceeded"}, server="s1") == GroupBinding("web")
    assert type(why({**ROW, "policy": "Affinity"}, server="s1")) is InvalidConfiguration
