"""The backends' blocks are put together so that any two of them exclude each other, on a control plane of its own."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated

import pytest
from pydantic import Field, StringConstraints
from tests.generated.conftest import Api, Body

from hostwright import sandbox
from hostwright.core.resource import SecretKeyRef, Words
from hostwright.generate import crds, discover
from hostwright.generate.crds import crd, schema_of
from hostwright.generate.policies import at_creation, disruptions, policies
from hostwright.generate.references import secrets
from hostwright.kinds.provider.port import Sections

Text = Annotated[str, StringConstraints(max_length=32)]
Good = Callable[..., Body]


class AcmeMachine(Words):
    sort: Text | None = Field(default=None, description="Its size.")
    rack: Text | None = Field(default=None, description="Used at creation.")
    licence: SecretKeyRef | None = Field(default=None, description="A licence.")


class AcmeImage(Words):
    disc: Text = Field(description="The disc.")


ACME = Sections(
    key="acme",
    provider_type="Acme",
    machine=AcmeMachine,
    machine_size_field="sort",
    image=AcmeImage,
    machine_rules=(("!has(self.rack) || self.rack != 'none'", "there is no rack of that name"),),
)
KINDS = {kind.name: kind for kind in discover.kinds()}
SECTIONS = (ACME, *discover.sections())
VM = KINDS["VirtualMachine"]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API server that knows one more backend."""
    directory = tmp_path_factory.mktemp("composed") / "box"
    manifests = [crd(kind, SECTIONS) for kind in KINDS.values()]
    manifests += policies(list(KINDS.values()), SECTIONS, "hostwright-system")
    box = sandbox.up(directory, sites=(), manifests=manifests, ephemeral=True, owner=os.getpid())
    yield Api(box.kubeconfig, tmp_path_factory.mktemp("composed-admin"))
    sandbox.down(directory, wipe=True)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"acme": {}, "openstack": {}}, "set at most one of acme, openstack and vsphere"),
        ({"acme": {"sort": "big"}}, "set exactly one of classRef, resources, acme.sort and openstack.flavor"),
        ({"classRef": None, "acme": {"rack": "r1"}}, "set exactly one of classRef"),
        ({"acme": {"rack": "none"}}, "there is no rack of that name"),
    ],
)
def test_what_excludes_itself_is_refused(three: Api, good: Good, spec: Body, said: str) -> None:
    reply = three.create(good("VirtualMachine", {"spec": spec}), dryRun="All")
    assert reply.status == 422
    assert said in reply.message


@pytest.mark.parametrize(
    "spec", [{"classRef": None, "acme": {"sort": "big"}}, {"acme": {"rack": "r1"}}, {"openstack": {}}]
)
def test_one_block_alone_is_taken(three: Api, good: Good, spec: Body) -> None:
    three.must(three.create(good("VirtualMachine", {"spec": spec}), dryRun="All"))


def test_an_image_has_a_source_for_any_backend(three: Api, good: Good) -> None:
    source = {"name": "a", "providerRef": {"name": "acme"}}
    reply = three.create(good("MachineImage", {"spec": {"sources": [source]}}), dryRun="All")
    assert "set exactly one of acme, openstack, simulated and vsphere" in reply.message
    three.must(
        three.create(good("MachineImage", {"spec": {"sources": [{**source, "acme": {"disc": "1"}}]}}), dryRun="All")
    )


def test_a_rule_that_can_be_evaded_is_not_generated() -> None:
    evaded = replace(ACME, machine_rules=(("self.rack == oldSelf.rack", "rack is immutable"),))
    with pytest.raises(ValueError, match="would be evaded by removing the block"):
        schema_of(VM, [evaded])


def test_a_backends_secrets_are_guarded_too() -> None:
    assert ("acme", "licence") in secrets(VM, SECTIONS)


class Licences(Words):
    all: list[SecretKeyRef] = Field(max_length=2)


def test_a_secret_in_a_list_is_refused_until_a_policy_can_guard_it() -> None:
    with pytest.raises(ValueError, match=r"spec\.acme\.all.*named in a list"):
        secrets(VM, [replace(ACME, machine=Licences)])


def test_a_backends_own_fields_are_warned_of() -> None:
    spec = schema_of(VM, SECTIONS)["properties"]["spec"]
    assert "/acme/rack" in at_creation(spec, SECTIONS)
    assert disruptions(spec, SECTIONS)["/acme/sort"] == disruptions(spec, SECTIONS)["/classRef"]


def test_the_blocks_are_composed_in_the_same_order_every_time() -> None:
    assert [section.key for section in discover.sections()] == sorted(each.key for each in discover.sections())
    assert crds.schema_of(VM, SECTIONS) == crds.schema_of(VM, SECTIONS)
