"""A pool's template is the child's own schema, and what a pool may not be is refused in words."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.generated.conftest import Api, Body, path_of

from hostwright.engine.changes import classes
from hostwright.generate.crds import schema_of
from hostwright.generate.discover import kind, sections
from hostwright.generate.schema import RULES

Good = Callable[..., Body]
Make = Callable[[Body], Body]
CLAIMS: dict[str, Any] = {"template": {"virtualMachine": None, "physicalMachine": {"minimum": {"cpu": 16}}}}
TWO = {"template": {"virtualMachine": {"resources": {"cpu": 1, "memory": "512Mi"}}}}
USER_DATA = {"bootstrap": {"cloudInit": {"userDataRef": {"name": "web-ud", "key": "userData"}}}}


def rolling(**bounds: Any) -> dict[str, Any]:
    return {"rollout": {"strategy": {"rollingUpdate": bounds}}}


def rules(node: dict[str, Any]) -> list[str]:
    inner = [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]
    return [rule["rule"] for rule in node.get(RULES, ())] + [each for below in inner for each in rules(below)]


def test_below_the_template_stands_the_whole_spec_without_what_looks_at_an_older_self() -> None:
    pool = schema_of(kind("MachinePool"), sections())["properties"]["spec"]
    machine = schema_of(kind("VirtualMachine"), sections())["properties"]["spec"]
    template = pool["properties"]["template"]["properties"]["virtualMachine"]
    assert set(machine["properties"]) - set(template["properties"]) == {"import"}, "that names one machine"
    assert set(template["properties"]) < set(machine["properties"])
    assert template["required"] == machine["required"]
    many = {**machine, "properties": {name: machine["properties"][name] for name in template["properties"]}}
    assert rules(template) == [rule for rule in rules(many) if "oldSelf" not in rule]
    assert len(rules(template)) < len(rules(machine))


def test_every_field_of_a_machine_is_judged_in_place_or_replaced_on_purpose() -> None:
    """A field that nobody thought of replaces the machine: safe, and told by this test."""
    spec = schema_of(kind("VirtualMachine"), sections())["properties"]["spec"]["properties"]
    known = {path.split("/")[1] for path in classes(sections(), None)}
    assert set(spec) - known == {"providerRef"}
    assert classes(sections(), None).keys().isdisjoint({"/bootstrap", "/bootstrap/cloudInit"})


@pytest.mark.parametrize(
    "bounds", [{"maxSurge": 2}, {"maxSurge": "100%", "maxUnavailable": "0%"}, {"maxUnavailable": "25%"}]
)
def test_numbers_and_percentages_are_taken(api: Api, good: Good, bounds: dict[str, Any]) -> None:
    api.must(api.create(good("MachinePool", {"spec": rolling(**bounds)}), dryRun="All"))


def test_its_members_may_be_claims(api: Api, good: Good) -> None:
    api.must(api.create(good("MachinePool", {"spec": CLAIMS}), dryRun="All"))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (rolling(maxSurge=0, maxUnavailable=0), "cannot both be 0"),
        (rolling(maxSurge="0%", maxUnavailable=0), "cannot both be 0"),
        (rolling(maxSurge="101%"), "write a number of members such as 1, or a percentage from 0% to 100%"),
        (rolling(maxSurge=-1), "write a number of members such as 1, or a percentage from 0% to 100%"),
        ({"selector": {"matchLabels": {"app": "other"}}}, "must have those of selector.matchLabels"),
        ({"selector": {"matchLabels": {"app": None}}}, "should have at least 1 properties"),
        ({"replicas": -1}, "should be greater than or equal to 0"),
        ({"replicas": 2**31}, "should be less than or equal to"),
        ({"replicas": 1_000_000_000}, "should be less than or equal to"),
        ({"naming": {"template": "web"}}, "one of {ordinal} and {random}"),
        ({"naming": {"template": "{ordinal}-{random}"}}, "one of {ordinal} and {random}"),
        (TWO, "set exactly one of classRef, resources"),
        (
            {"template": {"virtualMachine": {"classReff": {"name": "x"}}}},
            'unknown field "spec.template.virtualMachine.classReff"',
        ),
        (
            {"template": {"virtualMachine": None}},
            "set exactly one of template.virtualMachine and template.physicalMachine",
        ),
        (
            {"template": {"physicalMachine": {}}},
            "set exactly one of template.virtualMachine and template.physicalMachine",
        ),
        (
            CLAIMS | {"template": {**CLAIMS["template"], "physicalMachine": {"minimum": {"cpu": 0}}}},
            "greater than or equal to 1",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(api: Api, good: Good, spec: dict[str, Any], said: str) -> None:
    reply = api.create(good("MachinePool", {"spec": spec}), dryRun="All")
    assert (reply.status, said in reply.message) in {(422, True), (400, True)}, reply.message


def test_a_name_that_leaves_no_room_for_its_members_is_refused(api: Api, good: Good) -> None:
    for name in ("a" * 60, "web.1"):
        reply = api.create(good("MachinePool", name=name), dryRun="All")
        assert "members are called after the pool" in reply.message


def test_the_selector_stays_and_the_template_may_become_anything(api: Api, good: Good, made: Make) -> None:
    body = made(good("MachinePool", name="changing"))
    other = {"matchLabels": {"app": "b"}}
    change = {"selector": other, "template": {"metadata": {"labels": {"app": "b"}}}}
    assert "selector is immutable" in api.patch(body, {"spec": change}).message
    turned = {"template": {"virtualMachine": None, "physicalMachine": {}}}
    assert "the kind of the members is immutable" in api.patch(body, {"spec": turned}).message
    elsewhere = {"template": {"virtualMachine": {"providerRef": {"name": "other"}, "network": {"hostname": "web"}}}}
    api.must(api.patch(body, {"spec": elsewhere}))


def test_it_scales_by_the_subresource_and_shows_its_selector(api: Api, good: Good, made: Make) -> None:
    body = made(good("MachinePool", name="scaled"))
    api.must(api.patch(body, {"spec": {"replicas": 4}}, subresource="/scale"))
    status = {"replicas": 3, "selector": "app=web"}
    api.must(api.patch(body, {"status": status}, subresource="/status"))
    scale = api.send("GET", f"{path_of(body)}/scale").body
    assert (scale["spec"]["replicas"], scale["status"]) == (4, status)


def test_who_edits_may_scale(api: Api, good: Good, made: Make, bound: Callable[..., str], eventually: Any) -> None:
    body, user = made(good("MachinePool", name="edited")), bound("hostwright-edit")

    def scaled() -> bool:
        return api.patch(body, {"spec": {"replicas": 2}}, subresource="/scale", user=user).status == 200

    eventually(scaled)


def test_a_secret_named_in_the_template_is_asked_for_as_on_a_machine(
    api: Api, good: Good, bound: Callable[..., str], secret_reader: str, eventually: Any
) -> None:
    """Else who may write pools could have the operator hand any Secret of the namespace to a machine."""
    body = good("MachinePool", {"spec": {"template": {"virtualMachine": USER_DATA}}})
    field = "spec.template.virtualMachine.bootstrap.cloudInit.userDataRef"
    said = f"{field} names the Secret default/web-ud, which you may not get"
    one, other = bound("hostwright-edit"), bound("hostwright-edit", secret_reader)
    eventually(lambda: said in api.create(body, user=one, dryRun="All").message)
    eventually(lambda: api.create(body, user=other, dryRun="All").status == 201)
