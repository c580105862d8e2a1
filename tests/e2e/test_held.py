"""What machines use is kept while they use it; who may use it; what nobody claims is told."""

from tests.e2e.manifests import SYSTEM, image, platform, secret, simulated
from tests.e2e.world import World, eventually, machine

IN_USE = "compute.hostwright.dev/in-use"


def test_class_image_provider_and_secret_stay_while_a_machine_uses_them(home: World) -> None:
    held = (("hmc", "held-class"), ("hmi", "held-image"), ("hpr", "held-sim"))
    home.apply(
        secret("held-login", token="anything: the site asks for none"),
        simulated("held-sim", home.sim.endpoint, secret="held-login"),
        image("held-image", "held-sim"),
        platform("MachineClass", "held-class", cpu=1, memory="512Mi"),
        machine("held-vm", "held-sim", classRef={"name": "held-class"}, imageRef={"name": "held-image"}),
    )
    home.ready("held-vm", 30)
    finalizers = (home.get("held-login", "secret", SYSTEM) or {})["metadata"]["finalizers"]
    assert finalizers == [IN_USE]
    for kind, name in held:
        home.kubectl("delete", kind, name, "--wait=false")
    home.kubectl("delete", "secret", "-n", SYSTEM, "held-login", "--wait=false")
    for kind, name in held:
        told = eventually(lambda kind=kind, name=name: home.condition(name, "Deleting", kind), 15, f"{kind} told")
        assert told["message"] == "kept while in use by default/held-vm"
        assert home.condition(name, "Ready", kind)["message"] == told["message"], "the MESSAGE column says it, too"
    # everything still works with it
    assert home.get("held-login", "secret", SYSTEM)
    home.patch("held-vm", {"powerState": "PoweredOff"})
    assert home.ready("held-vm", 20)["status"]["powerState"] == "PoweredOff"
    home.delete("held-vm")
    for kind, name in held:
        home.gone(name, 15, kind)
    home.gone("held-login", 15, "secret", SYSTEM)


def test_a_secret_of_two_providers_is_kept_for_the_second(home: World) -> None:
    home.apply(
        secret("held-both", token="x"),
        simulated("held-one", home.sim.endpoint, secret="held-both"),
        simulated("held-two", home.sim.endpoint, secret="held-both"),
    )
    for name in ("held-one", "held-two"):
        home.ready(name, 20, "hpr")
    home.kubectl("delete", "secret", "-n", SYSTEM, "held-both", "--wait=false")
    home.kubectl("delete", "hpr", "held-one", "--timeout=20s")
    assert home.get("held-both", "secret", SYSTEM)
    home.kubectl("delete", "hpr", "held-two", "--timeout=20s")
    home.gone("held-both", 15, "secret", SYSTEM)


def test_a_namespace_that_is_not_allowed_is_told_until_it_is(home: World) -> None:
    for_team_a = {"from": "Selector", "selector": {"matchLabels": {"tenant": "a"}}}
    home.kubectl("create", "namespace", "held-team")
    home.apply(
        simulated("held-tenant", home.sim.endpoint, allowedNamespaces=for_team_a),
        image("held-tenant", "held-tenant"),
        {
            **machine("held-guest", "held-tenant", imageRef={"name": "held-tenant"}),
            "metadata": {"name": "held-guest", "namespace": "held-team"},
        },
    )
    told = eventually(lambda: home.condition("held-guest", "Stalled", namespace="held-team"), 15)
    assert told["reason"] == "ProviderNotAllowed"
    assert "does not serve namespace 'held-team'" in told["message"]
    assert "resources" not in home.status("held-guest", namespace="held-team")
    home.kubectl("label", "namespace", "held-team", "tenant=a")
    home.nudged("hvm", "held-guest", "held-team")
    home.ready("held-guest", 45, namespace="held-team")
    home.kubectl("delete", "hvm", "-n", "held-team", "held-guest", "--timeout=30s")
    home.kubectl("delete", "namespace", "held-team", "--wait=false")
    home.kubectl("delete", "hpr", "held-tenant", "--timeout=20s")
    home.kubectl("delete", "hmi", "held-tenant", "--timeout=20s")


def test_a_class_and_an_image_can_be_closed_to_a_namespace(home: World) -> None:
    nobody = {"allowedNamespaces": {"from": "None"}}
    home.apply(
        platform("MachineClass", "held-closed", cpu=1, memory="512Mi", **nobody),
        {**image("held-closed", "sim"), "spec": {**image("held-closed", "sim")["spec"], **nobody}},
        machine("held-no-class", classRef={"name": "held-closed"}),
        machine("held-no-image", imageRef={"name": "held-closed"}),
    )
    for name, reason in (("held-no-class", "ClassNotFound"), ("held-no-image", "ImageNotFound")):
        told = eventually(lambda name=name: home.condition(name, "Stalled"), 15)
        assert told["reason"] == reason
        assert "not for this namespace" in told["message"]
    for kind in ("hmc", "hmi"):
        opened = '{"spec":{"allowedNamespaces":{"from":"All"}}}'
        home.kubectl("patch", kind, "held-closed", "--type=merge", "-p", opened)
    for name in ("held-no-class", "held-no-image"):
        home.ready(name, 20)
    home.delete("held-no-class", "held-no-image")
    for kind in ("hmc", "hmi"):
        home.kubectl("delete", kind, "held-closed", "--timeout=20s")


def test_a_machine_can_be_deleted_after_its_namespace_was_closed_out(home: World) -> None:
    home.apply(
        simulated("held-shut", home.sim.endpoint),
        image("held-shut", "held-shut"),
        machine("held-inside", "held-shut", imageRef={"name": "held-shut"}),
    )
    home.ready("held-inside", 30)
    shut = '{"spec":{"allowedNamespaces":{"from":"None"}}}'
    home.kubectl("patch", "hpr", "held-shut", "--type=merge", "-p", shut)
    eventually(lambda: home.condition("held-inside", "Stalled").get("reason") == "ProviderNotAllowed", 15)
    assert home.sim.machine("held-inside")["poweredOn"]
    home.kubectl("delete", "hvm", "held-inside", "--wait=false")
    try:
        home.gone("held-inside", 20)
        assert home.sim.machines("held-inside") == []
    finally:
        opened = '{"spec":{"allowedNamespaces":{"from":"All"}}}'
        home.kubectl("patch", "hpr", "held-shut", "--type=merge", "-p", opened)
        home.gone("held-inside", 30)
        home.kubectl("delete", "hpr", "held-shut", "--timeout=20s")
        home.kubectl("delete", "hmi", "held-shut", "--timeout=20s")


def test_what_bears_our_mark_and_no_object_claims_is_told_on_the_provider(home: World) -> None:
    def orphans() -> dict[str, dict[str, str]]:
        return {row["id"]: row for row in home.status("sim", "hpr").get("orphans") or ()}

    home.apply(machine("held-orphan"))
    machine_id = home.ready("held-orphan", 30)["status"]["machineID"]
    left = home.sim.machine("held-orphan")
    home.patch("held-orphan", {"managementPolicy": "ObserveOnly"})
    home.ready("held-orphan")
    home.delete("held-orphan")  # released without a call: its mark stays
    row = eventually(lambda: home.nudged("hpr", "sim") and orphans().get(left["id"]), 15, "told")
    assert row["kind"] == "server"
    assert row["machineID"].replace("-", "") == machine_id.replace("-", "")
    home.sim.lose(left["id"])
    eventually(lambda: home.nudged("hpr", "sim") and left["id"] not in orphans(), 15, "forgotten with the machine")
