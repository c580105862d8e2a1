"""Names to ids, and what is said of those that lead nowhere."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.openstack.rows import BINDINGS, CATALOG, NAMES, TRACE, spec

from hostwright.core import errors
from hostwright.kinds.virtualmachine.port import Bindings, Unresolved, Wanted
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.openstack.bodies import server_body
from hostwright.providers.openstack.resolve import Names, resolve
from hostwright.providers.openstack.rows import Server
from hostwright.providers.openstack.takes import MOST_TAGS, TAG_LIMIT
from hostwright.providers.openstack.translate import tags as shown

NIC = {"name": "eth0", "networkRef": {"name": "app"}}


def wanted(asked: VirtualMachineSpec, bindings: Bindings = BINDINGS) -> Wanted:
    answer = resolve(NAMES, asked, bindings)
    assert isinstance(answer, Wanted), answer
    return answer


def test_a_flavor_by_its_own_name_goes_before_the_class_and_the_size() -> None:
    by_class = replace(BINDINGS, class_section={"flavor": {"name": "medium"}})
    assert wanted(spec()).size_id == "f1", "the smallest disk of those with exactly this size"
    assert wanted(spec(), by_class).size_id == "f3"
    assert wanted(spec(openstack={"flavor": {"name": "small-big-disk"}}), by_class).size_id == "f2"


def test_a_size_that_no_flavor_has_names_the_nearest() -> None:
    answer = resolve(NAMES, spec(), replace(BINDINGS, cpu=2, memory_mib=900))
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is errors.FlavorNotFound
    assert answer.failure.message.index("medium") < answer.failure.message.index("small")


def _to(network: str) -> VirtualMachineSpec:
    return spec({"name": "eth0", "networkRef": {"name": network}})


def _image(name: str) -> Bindings:
    return replace(BINDINGS, image_section={"image": {"name": name}})


@pytest.mark.parametrize(
    ("asked", "bindings", "failure", "words"),
    [
        (_to("nowhere"), BINDINGS, errors.NetworkNotFound, "nowhere"),
        (_to("lost"), BINDINGS, errors.NetworkNotFound, "no-such"),
        (_to("twice"), BINDINGS, errors.NameAmbiguous, "n-1, n-2"),
        (spec(), _image("twice"), errors.NameAmbiguous, "i2, i3"),
        (spec(), _image("queued"), errors.ImageNotResolved, "queued"),
        (spec(), replace(BINDINGS, image_section=None), errors.ImageNotFound, "MachineImage"),
        (spec({**NIC, "securityGroups": ["shut"]}), BINDINGS, errors.SecurityGroupNotFound, "shut"),
        (spec({**NIC, "securityGroups": ["twice"]}), BINDINGS, errors.NameAmbiguous, "g2, g3"),
        (spec(openstack={"keyPair": "lost"}), BINDINGS, errors.KeyPairNotFound, "lost"),
        (spec(openstack={"flavor": {"name": "m9"}}), BINDINGS, errors.FlavorNotFound, "m9"),
        (spec(openstack={"availabilityZone": "mars"}), BINDINGS, errors.InvalidConfiguration, "mars"),
    ],
)
def test_what_leads_nowhere(
    asked: VirtualMachineSpec, bindings: Bindings, failure: type[errors.Failure], words: str
) -> None:
    answer = resolve(NAMES, asked, bindings)
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is failure
    assert words in answer.failure.message


def test_a_tag_may_be_as_long_as_nova_holds_and_no_longer() -> None:
    key = "k" * 20
    longest = "v" * (TAG_LIMIT - len(key) - 1)
    assert wanted(spec(), replace(BINDINGS, default_tags={key: longest})).shape.tags == {key: longest}
    answer = resolve(NAMES, spec(), replace(BINDINGS, default_tags={key: f"{longest}v"}))
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is errors.InvalidConfiguration


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"team/a": "b"}, "team/a"),
        ({"team": "a,b"}, "'team'"),
        ({"team=a": "b"}, "team=a"),
        ({"hw:me": "b"}, "hw:me"),
        ({"": "b"}, "''"),
        ({f"k{number}": "v" for number in range(MOST_TAGS)}, "50 tags"),
    ],
)
def test_a_default_tag_that_nova_cannot_hold_is_refused_by_its_key(tags: dict[str, str], words: str) -> None:
    answer = resolve(NAMES, spec(), replace(BINDINGS, default_tags=tags))
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is errors.InvalidConfiguration
    assert words in answer.failure.message


TAG_WORDS = st.text("ab=/,:hw.-", max_size=8)


@given(st.dictionaries(TAG_WORDS, TAG_WORDS, max_size=5))
def test_every_tag_that_is_taken_can_be_told_apart_on_nova(tags: dict[str, str]) -> None:
    """What is asked for comes back as it was, or is refused."""
    answer = resolve(NAMES, spec(), replace(BINDINGS, default_tags=tags))
    if isinstance(answer, Wanted):
        made = server_body(answer, TRACE, (), None)["server"]["tags"]
        assert all(re.fullmatch("[^,/]{1,60}", tag) for tag in made), "as Nova's own schema says"
        assert shown(Server(id="s1", tags=tuple(made))) == tags
    else:
        assert type(answer.failure) is errors.InvalidConfiguration


@pytest.mark.parametrize("name", ["a", "", "web-", "-web", "web.a", "web_a", "w" * 64])
def test_a_host_name_that_nova_refuses_is_told_before_any_call(name: str) -> None:
    answer = resolve(NAMES, spec(), replace(BINDINGS, hostname=name))
    assert isinstance(answer, Unresolved)
    assert type(answer.failure) is errors.InvalidConfiguration
    assert "hostname" in answer.failure.message


@pytest.mark.parametrize("name", ["ab", "web-1", "7-a", "w" * 63])
def test_a_host_name_that_nova_takes(name: str) -> None:
    assert wanted(spec(), replace(BINDINGS, hostname=name)).hostname == name


def test_names_become_ids() -> None:
    nic = {"name": "eth0", "networkRef": {"name": "front"}, "addresses": ["10.0.0.9/24"], "securityGroups": ["web"]}
    answer = wanted(spec(nic, {"name": "eth1", "networkRef": {"name": "by-id"}}))
    first, second = answer.shape.interfaces
    assert (first.network, first.addresses, first.security_groups) == ("n-app", ("10.0.0.9",), ("g1",))
    assert second.network == "n-1"
    assert answer.extra.subnets == {"eth0": "s-1", "eth1": ""}, "the subnet of that network, not its namesake"
    assert answer.image_id == "i1"


def test_the_catalogs_facts_tell_fences_and_what_is_missing() -> None:
    facts = {fact.name: fact for fact in NAMES.network_facts(frozenset({"n-db"}))}
    assert (facts["app"].create_fence, facts["db"].create_fence) == ("MACAddress", "None")
    assert not facts["lost"].id
    assert "no-such" in facts["lost"].message
    assert Names(CATALOG, {}).network_facts(frozenset()) == []


@pytest.mark.parametrize(("value", "words"), [("x" * 60, "holds 60 characters"), ("a,b", "Reword it")])
def test_a_label_that_nova_cannot_hold_is_told_with_what_to_do(value: str, words: str) -> None:
    answer = resolve(NAMES, spec(), replace(BINDINGS, label_tags={"owner": value}))
    assert isinstance(answer, Unresolved)
    assert words in answer.failure.message
    assert "this object's label 'owner': change it, or take it out of propagateLabels" in answer.failure.message
    written = resolve(NAMES, spec(tags={"owner": "x"}), replace(BINDINGS, label_tags={"owner": value}))
    assert isinstance(written, Wanted), "the tag that is written wins"


def test_a_tag_that_is_written_wins_over_a_label_and_that_over_a_default() -> None:
    bindings = replace(
        BINDINGS, default_tags={"a": "default", "b": "default", "c": "default"}, label_tags={"b": "label", "c": "label"}
    )
    assert wanted(spec(tags={"c": "written"}), bindings).shape.tags == {"a": "default", "b": "label", "c": "written"}
