"""Bad input gets a clear answer: refused with a sentence, or told on the object until its cause is gone."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from tests.e2e.manifests import SYSTEM, clouds, image, platform, secret, simulated
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

ETH0 = {"name": "eth0", "networkRef": {"name": "app"}}
UNSET: Any = object()


def bad(**spec: Any) -> dict[str, Any]:
    body = machine("bad")
    body["spec"] = {key: value for key, value in {**body["spec"], **spec}.items() if value is not UNSET}
    return body


def eth0(**more: Any) -> dict[str, Any]:
    return bad(network={"interfaces": [{**ETH0, **more}]})


#: What is written, and what `kubectl apply` answers. (tests/generated asks the API server itself for many more.)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "empty spec": ({**machine("bad"), "spec": {}}, "spec.providerRef: Required value"),
    "unknown field": (bad(colour="red"), 'unknown field "spec.colour"'),
    "no size": (bad(classRef=UNSET), "set exactly one of classRef, resources and openstack.flavor"),
    "two sizes": (bad(resources={"cpu": 1, "memory": "1Gi"}), "set exactly one of classRef, resources"),
    "zero size": (bad(classRef=UNSET, resources={"cpu": 0, "memory": "1Gi"}), "greater than or equal to 1"),
    "absurd size": (bad(classRef=UNSET, resources={"cpu": 1, "memory": "9000Ti"}), "memory is between 16Mi and 64Ti"),
    "bad name": ({**machine("Bad_Name")}, "a lowercase RFC 1123"),
    "hostname with a newline": (
        bad(network={"hostname": "a\nb", "interfaces": [ETH0]}),
        "a host name has lower-case letters",
    ),
    "bad MAC": (eth0(macAddress="ff:ff:ff:ff:ff:ff"), "macAddress"),
    "bad address": (eth0(addresses=["10.0.0.1"]), "write a unicast address with its prefix length"),
    "two interfaces of one name": (bad(network={"interfaces": [ETH0, ETH0]}), "Duplicate value"),
    "17 interfaces": (
        bad(network={"interfaces": [{**ETH0, "name": f"eth{number}"} for number in range(17)]}),
        "must have at most 16 items",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_a_sentence(world: World, case: str) -> None:
    body, answer = REFUSED[case]
    said = world.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(body), fails=True)
    assert answer in said
    assert world.get("bad") is None


def test_what_is_immutable_and_what_is_protected_is_refused_on_a_live_machine(home: World) -> None:
    home.apply(machine("bad-fixed", deletionProtection=True))
    home.ready("bad-fixed", 30)
    assert "providerRef is immutable" in home.patch("bad-fixed", {"providerRef": {"name": "other"}}, fails=True)
    hostname = {"network": {"hostname": "other"}}
    assert "hostname is immutable" in home.patch("bad-fixed", hostname, fails=True)
    replaced = machine("bad-fixed", deletionProtection=True, network={"hostname": "web", "interfaces": [ETH0]})
    assert "immutable" in home.kubectl("replace", "-f", "-", stdin=json.dumps(replaced), fails=True)
    said = home.kubectl("delete", "hvm", "bad-fixed", fails=True)
    assert "is protected: set spec.deletionProtection to false first" in said
    assert home.condition("bad-fixed", "Ready")["status"] == "True"
    home.patch("bad-fixed", {"deletionProtection": False})
    home.delete("bad-fixed")


#: name → what is lacking in its spec, the reason told, words of the message, and what makes it good.
Mend = Callable[[World], Any]
USER_DATA = {"cloudInit": {"userDataRef": {"name": "bad-data", "key": "userData"}}}
OTHER_KEY = {"cloudInit": {"userDataRef": {"name": "bad-key", "key": "userData"}}}


def patch(**spec: Any) -> Callable[[str], Mend]:
    return lambda name: lambda world: world.patch(name, spec)


def apply(*manifests: Any) -> Callable[[str], Mend]:
    return lambda _: lambda world: world.apply(*manifests)


def with_network(name: str) -> Mend:
    networks = [{"name": one} for one in ("app", "db", "late")]
    catalog = [
        {"id": f"network-{one}", "name": one, "cidr": f"10.{64 + at}.0.0/16"}
        for at, one in enumerate(("app", "db", "late"))
    ]

    def mend(world: World) -> None:
        site = world.sim.ask("GET", "/v1/catalog")
        world.sim.ask("PUT", "/control/catalog", {**site, "networks": catalog})
        patched = json.dumps({"spec": {"networks": networks}})
        world.kubectl("patch", "hpr", "sim", "--type=merge", "-p", patched)

    return mend


LACKING: dict[str, tuple[dict[str, Any], str, str, Callable[[str], Mend]]] = {
    "bad-provider": (
        {"providerRef": {"name": "bad-late"}, "imageRef": {"name": "bad-late"}},
        "ProviderNotFound",
        "Provider 'bad-late' does not exist",
        lambda _: lambda world: world.apply(simulated("bad-late", world.sim.endpoint), image("bad-late", "bad-late")),
    ),
    "bad-class": (
        {"classRef": {"name": "bad-late"}},
        "ClassNotFound",
        "MachineClass 'bad-late' does not exist",
        apply(platform("MachineClass", "bad-late", cpu=1, memory="512Mi")),
    ),
    "bad-image": (
        {"imageRef": {"name": "bad-later"}},
        "ImageNotFound",
        "MachineImage 'bad-later' does not exist",
        apply(image("bad-later", "sim")),
    ),
    "bad-source": (
        {"imageRef": {"name": "bad-source"}},
        "ImageNotFound",
        "MachineImage 'bad-source' has no source for Provider 'sim'",
        apply(image("bad-source", "sim")),
    ),
    "bad-disk": (
        {"imageRef": {"name": "bad-disk"}},
        "ImageNotResolved",
        "nowhere",
        apply(image("bad-disk", "sim")),
    ),
    "bad-network": (
        {"network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "late"}}]}},
        "NetworkNotFound",
        "'late' is not in the Provider's catalog",
        with_network,
    ),
    "bad-secret": (
        {"bootstrap": USER_DATA},
        "UserDataMissing",
        "Secret 'bad-data' (bootstrap.cloudInit.userDataRef) is not there",
        apply(secret("bad-data", "default", userData="#cloud-config\n")),
    ),
    "bad-key": (
        {"bootstrap": OTHER_KEY},
        "UserDataMissing",
        "Secret 'bad-key' has no key 'userData'",
        apply(secret("bad-key", "default", userData="#cloud-config\n")),
    ),
    "bad-block": (
        {"openstack": {"keyPair": "key"}},
        "InvalidConfiguration",
        "spec.openstack is not for Provider 'sim'",
        patch(openstack=None),
    ),
}


@pytest.fixture(scope="module")
def lacking(world: World) -> Iterator[World]:
    """All of them at once: each is told, then the cause of each is removed, then all get ready."""
    world.at_home()
    world.apply(
        image("bad-source", "os-lab", openstack={"image": {"name": "tiny"}}),
        image("bad-disk", "sim", simulated={"image": "nowhere"}),
        secret("bad-key", "default", other="x"),
    )
    world.apply(*(machine(name, **spec) for name, (spec, *_) in LACKING.items()))
    yield world
    world.delete(*LACKING)
    world.kubectl("delete", "hpr", "bad-late", "--timeout=30s")
    world.kubectl("delete", "hmi", "bad-late", "bad-later", "bad-source", "bad-disk", "--timeout=30s")
    world.kubectl("delete", "hmc", "bad-late", "--timeout=30s")


@pytest.mark.parametrize("name", LACKING)
def test_what_is_lacking_is_told_and_nothing_is_made(lacking: World, name: str) -> None:
    _, reason, words, _ = LACKING[name]
    told = eventually(lambda: lacking.condition(name, "Stalled"), 20, "told")
    assert told["reason"] == reason
    assert words in told["message"]
    assert "You must act." in told["message"]
    assert lacking.condition(name, "Ready")["reason"] == reason
    assert lacking.status(name)["lastError"]["actor"] == "You"
    assert "resources" not in lacking.status(name)
    assert lacking.sim.machines(name) == []


def test_each_gets_ready_by_itself_once_its_cause_is_removed(lacking: World) -> None:
    for name, (*_, mend) in LACKING.items():
        mend(name)(lacking)
    for name in LACKING:
        body = lacking.ready(name, 45)
        assert not lacking.condition(name, "Stalled")
        assert "lastError" not in body["status"]
        assert len(lacking.sim.machines(name)) == 1


def test_a_full_quota_is_tried_again_until_there_is_room(home: World) -> None:
    used = len(home.sim.ask("GET", "/v1/machines?limit=1000")["machines"])
    home.sim.set(quotaMachines=used)
    try:
        home.apply(machine("bad-quota"))
        told = eventually(lambda: _reason(home.condition("bad-quota", "Ready"), "QuotaExceeded"), 15)
    finally:
        home.sim.set(quotaMachines=None)
    assert "quota of machines exceeded" in told["message"]
    assert "Tried again until there is room." in told["message"]
    assert not home.condition("bad-quota", "Stalled")
    assert home.condition("bad-quota", "Reconciling")["status"] == "True"
    home.patch("bad-quota", {"tags": {"now": "please"}})  # an edit is tried at once; else it is a minute and more
    home.ready("bad-quota", 30)
    home.delete("bad-quota")


OPENSTACK = {
    "bad-os-network": {"network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "double"}}]}},
    "bad-os-image": {"imageRef": {"name": "bad-os-double"}},
    "bad-os-flavor": {"classRef": None, "openstack": {"flavor": {"name": "m1.absurd"}}},
    "bad-os-size": {"classRef": None, "resources": {"cpu": 7, "memory": "512Mi"}},
    "bad-os-group": {"network": {"interfaces": [{**ETH0, "securityGroups": ["nowhere"]}]}},
    "bad-os-key": {"openstack": {"keyPair": "nobodys"}},
    "bad-os-quota": {},
}
TOLD = {
    "bad-os-network": ("NetworkNotFound", "'double' is not in the Provider's catalog"),
    "bad-os-image": ("NameAmbiguous", "OpenStack has 2 of image 'double'"),
    "bad-os-flavor": ("FlavorNotFound", "OpenStack has no flavor 'm1.absurd'"),
    "bad-os-size": ("FlavorNotFound", "OpenStack has no flavor of exactly 7 CPU and 512Mi. Near: "),
    "bad-os-group": ("SecurityGroupNotFound", "OpenStack has no security group 'nowhere'"),
    "bad-os-key": ("KeyPairNotFound", "no key pair 'nobodys'"),
}


def test_on_openstack_what_is_missing_or_ambiguous_is_told_and_mended(home: World, cloud: Cloud) -> None:
    """Quota included: Nova's own words stand in Ready."""
    twins = [_image(cloud, "double") for _ in range(2)]
    project = cloud.user.current_project_id
    cloud.admin.compute.update_quota_set(project, instances=0)
    bodies = []
    for name, spec in OPENSTACK.items():
        body = machine(name, "os-lab", **copy.deepcopy(spec))
        body["spec"] = {key: value for key, value in body["spec"].items() if value is not None}
        bodies.append(body)
    home.apply(image("bad-os-double", "os-lab", openstack={"image": {"name": "double"}}), *bodies)
    try:
        for name, (reason, words) in TOLD.items():
            stalled = lambda name=name, reason=reason: _reason(home.condition(name, "Stalled"), reason)  # noqa: E731
            assert words in eventually(stalled, 30, f"{name} told")["message"], name
            assert "resources" not in home.status(name), name
        told = eventually(lambda: _reason(home.condition("bad-os-quota", "Ready"), "QuotaExceeded"), 30)
        assert "Quota exceeded" in told["message"]
        assert cloud.servers("bad-os-quota") == []
        assert not home.condition("bad-os-quota", "Stalled")
    finally:
        cloud.admin.compute.update_quota_set(project, instances=-1)
    cloud.user.image.delete_image(twins[0])
    for name, fixed in _openstack_mended().items():
        home.patch(name, fixed)
    home.kubectl("delete", "hvm", "bad-os-network", "--timeout=30s")
    for name in OPENSTACK:
        if name != "bad-os-network":
            home.ready(name, 90)
    home.delete(*(name for name in OPENSTACK if name != "bad-os-network"))
    home.kubectl("delete", "hmi", "bad-os-double", "--timeout=20s")
    cloud.user.image.delete_image(twins[1])


def _openstack_mended() -> dict[str, dict[str, Any]]:
    """What the messages ask for; the image gets good on the cloud, the quota by its edit or in a minute."""
    small = {"classRef": {"name": "small"}}
    return {
        "bad-os-flavor": {**small, "openstack": None},
        "bad-os-size": {**small, "resources": None},
        "bad-os-group": {"network": {"interfaces": [{**ETH0, "securityGroups": ["web"]}]}},
        "bad-os-key": {"openstack": {"keyPair": "key"}},
        "bad-os-quota": {"tags": {"now": "please"}},
    }


def test_a_wrong_password_and_a_forbidden_project_stall_the_provider_until_mended(home: World, cloud: Cloud) -> None:
    auth = cloud.user.config.get_auth_args()
    good = {**auth, "user_domain_id": "default", "project_domain_id": "default"}
    wrong = {"bad-password": {**good, "password": "wrong"}, "bad-project": {**good, "project_name": "platform"}}
    facts = {"cloudName": "openstack"}
    for name, login in wrong.items():
        provider = platform(
            "Provider",
            name,
            type="OpenStack",
            credentialsRef={"name": name},
            allowedNamespaces={"from": "All"},
            networks=[{"name": "app", "openstack": {"network": "app"}}],
            openstack=facts,
        )
        home.apply(secret(name, **{"clouds.yaml": clouds(**login)}), provider, machine(name, name))
    for name in wrong:
        told = eventually(lambda name=name: home.condition(name, "Stalled", "hpr"), 30, f"{name} told")
        assert told["reason"] == "CredentialsRejected"
        assert home.condition(name, "CredentialsValid", "hpr")["status"] == "False"
        blocked = eventually(lambda name=name: home.condition(name, "Stalled"), 20)
        assert blocked["reason"] == "CredentialsRejected"
        assert "The platform team must act." in blocked["message"]
        home.apply(secret(name, **{"clouds.yaml": clouds(**good)}))
    for name in wrong:
        home.ready(name, 70, "hpr")
        assert not home.condition(name, "Stalled", "hpr")
    home.delete(*wrong)
    home.kubectl("delete", "hpr", *wrong, "--timeout=30s")
    home.kubectl("delete", "secret", "-n", SYSTEM, *wrong, "--timeout=30s")


def _reason(condition: dict[str, Any], reason: str) -> dict[str, Any]:
    return condition if condition.get("reason") == reason else {}


def _image(cloud: Cloud, name: str) -> str:
    made = cloud.user.image.create_image(
        name=name,
        container_format="bare",
        disk_format="raw",
        data=b"\0" * 64,
        validate_checksum=False,
        allow_duplicates=True,
    )
    return str(made.id)
