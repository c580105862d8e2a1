"""Names to references."""

from typing import Any

import pytest
from tests.providers.vsphere.samples import bindings, names_of, spec, wanted

from hostwright.core import errors
from hostwright.core.errors import Failure
from hostwright.kinds.virtualmachine.port import Power, Unresolved, Wanted
from hostwright.providers.vsphere.resolve import resolve


def failure(provider: dict[str, Any] | None = None, *, template: str = "tiny", **of: Any) -> Failure:
    answer = resolve(names_of(**(provider or {})), spec(**of), bindings(image_section={"template": template}))
    assert isinstance(answer, Unresolved)
    return answer.failure


@pytest.mark.parametrize(
    ("of", "kind", "word"),
    [
        ({"interface": {"networkRef": {"name": "moon"}}}, errors.NetworkNotFound, "moon"),
        ({"interface": {"networkRef": {"name": "lost"}}}, errors.NetworkNotFound, "no-such"),
        ({"interface": {"networkRef": {"name": "twice"}}}, errors.NameAmbiguous, "/dc1/network/a/twice"),
        ({"interface": {"securityGroups": ["web"]}}, errors.SecurityGroupNotFound, "web"),
        ({"interface": {"floatingIP": {"pool": "public"}}}, errors.InvalidConfiguration, "vSphere has none"),
        ({"template": "/dc1/vm/huge"}, errors.ImageNotResolved, "/dc1/vm/huge"),
        ({"vsphere": {"folder": "moon"}}, errors.InvalidConfiguration, "folder 'moon'"),
        ({"vsphere": {"datastore": "moon"}}, errors.InvalidConfiguration, "datastore 'moon'"),
        ({"vsphere": {"cluster": "moon"}}, errors.InvalidConfiguration, "cluster 'moon'"),
        ({"vsphere": {"resourcePool": "moon"}}, errors.InvalidConfiguration, "resource pool 'moon'"),
        ({"provider": {"cluster": None}}, errors.InvalidConfiguration, "/dc1/host/c1, /dc1/host/c2"),
        ({"provider": {"cluster": None, "resourcePool": "prod"}}, errors.NameAmbiguous, "/dc1/host/c2/Resources/prod"),
        ({"failureDomain": "az9"}, errors.InvalidConfiguration, "az1, az2"),
        ({"tags": {"hostwright.mark": "x"}}, errors.InvalidConfiguration, "hostwright.mark"),
        ({"tags": {"empty": ""}}, errors.InvalidConfiguration, "empty"),
    ],
)
def test_what_is_missing_is_named_and_who_must_act(of: dict[str, Any], kind: type[Failure], word: str) -> None:
    told = failure(**of)
    assert type(told) is kind
    assert word in told.message
    assert told.message.endswith(".")


@pytest.mark.parametrize(
    ("provider", "machine", "pool"),
    [
        ({}, {}, "resgroup-1"),
        ({"resourcePool": "prod"}, {}, "resgroup-3"),
        ({"resourcePool": "/dc1/host/c1/Resources/prod"}, {"cluster": "c2"}, "resgroup-2"),
        ({"resourcePool": "prod"}, {"cluster": "c2"}, "resgroup-4"),
        ({}, {"cluster": "/dc1/host/c2", "resourcePool": "prod"}, "resgroup-4"),
        ({"cluster": None, "resourcePool": "c2/Resources/prod"}, {}, "resgroup-4"),
    ],
)
def test_the_pool_is_in_the_named_cluster(provider: dict[str, Any], machine: dict[str, Any], pool: str) -> None:
    answer = resolve(names_of(**provider), spec(vsphere=machine), bindings())
    assert isinstance(answer, Wanted), answer
    assert answer.extra.pool == pool


def test_places_default_to_the_datacenters_own() -> None:
    assert wanted().extra.folder.id == "group-v1"
    assert wanted(vsphere={"folder": "machines"}).extra.folder.id == "group-v2"
    assert wanted().extra.datastore == ""
    assert wanted(vsphere={"datastore": "ds1"}).extra.datastore == "datastore-1"


def test_a_failure_domain_stands_in_for_the_providers_places_and_the_machines_own_for_both() -> None:
    extra = wanted(failureDomain="az2").extra
    assert (extra.pool, extra.folder.id, extra.datastore) == ("resgroup-4", "group-v2", "datastore-1")
    extra = wanted(failureDomain="az2", vsphere={"folder": "/dc1/vm", "cluster": "c1"}).extra
    assert (extra.pool, extra.folder.id) == ("resgroup-3", "group-v1")
    assert wanted(failureDomain="az2").shape.zone == "az2"
    bare = wanted(failureDomain="az1").extra
    assert (bare.pool, bare.folder.id) == ("resgroup-1", "group-v1")


def test_a_wish_has_the_templates_cards_and_the_networks_switch() -> None:
    wish = wanted({"addresses": ["10.1.2.10/24"]})
    assert [nic.key for nic in wish.extra.template_nics] == [4000]
    assert wish.extra.switches == {"dvportgroup-1": "switch-uuid"}
    assert wish.shape.interfaces[0].addresses == ("10.1.2.10",)
    assert wish.extra.prefixed == {"eth0": ("10.1.2.10/24",)}
    assert wish.shape.power is Power.ON


def test_a_size_that_vsphere_cannot_give_is_refused_before_any_call() -> None:
    answer = resolve(names_of(), spec(), bindings(memory_mib=513))
    assert isinstance(answer, Unresolved)
    assert "steps of 4Mi" in answer.failure.message


def test_a_label_without_a_value_is_told_with_what_to_do() -> None:
    answer = resolve(names_of(), spec(), bindings(label_tags={"empty": ""}))
    assert isinstance(answer, Unresolved)
    assert "this object's label 'empty': change it, or take it out of propagateLabels" in answer.failure.message
