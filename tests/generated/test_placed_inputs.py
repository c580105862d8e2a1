"""Where a machine is placed: bad inputs are refused by the API server itself, each with a sentence."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.generated.conftest import Api, Body

#: What of the spec is changed, what the answer says.
BAD: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "the hint group": (
        {"openstack": {"schedulerHints": {"group": ["g"]}}},
        "write openstack.serverGroupID, or placement.group, instead of the hint group",
    ),
    "a group without a policy": (
        {"placement": {"group": {"name": "web"}}},
        "spec.placement.group.policy: Required value",
    ),
    "a group's policy in Nova's words": (
        {"placement": {"group": {"name": "web", "policy": "anti-affinity"}}},
        'supported values: "Affinity", "AntiAffinity", "SoftAffinity", "SoftAntiAffinity"',
    ),
    "a group with a blank in its name": (
        {"placement": {"group": {"name": "my web", "policy": "Affinity"}}},
        "a name here has lower-case letters",
    ),
    "no hints": ({"openstack": {"schedulerHints": {}}}, "at least 1"),
    "a hint without a value": ({"openstack": {"schedulerHints": {"same_host": []}}}, "at least 1"),
    "a hint as a text": ({"openstack": {"schedulerHints": {"same_host": "a"}}}, "must be of type array"),
    "a hint with a blank": (
        {"openstack": {"schedulerHints": {"same host": ["a"]}}},
        "a scheduler hint has letters, digits and the signs",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_spec_is_refused_with_a_sentence(api: Api, good: Callable[..., Body], case: str) -> None:
    change, said = BAD[case]
    reply = api.create(good("VirtualMachine", {"spec": change}), dryRun="All")
    assert reply.status in (400, 422), reply
    assert said in reply.message, reply.message
