"""A vCenter's password and a guest's user data stand nowhere."""

from pathlib import Path

from tests.e2e.canaries import assert_none, canary
from tests.e2e.manifests import platform, secret
from tests.e2e.world import World, eventually, machine


def test_no_secret_stands_in_anything_that_people_read(world: World) -> None:
    facts = world.box.sites["vsphere"]
    hidden = {"refused password": canary(), "user data": canary()}
    spec = (world.get("vc-lab", "hpr") or {})["spec"]
    with world.operator("--log-level", "debug") as operator:
        operator.leading()
        login = {"username": facts["username"], "password": hidden["refused password"]}
        data = {"cloudInit": {"userDataRef": {"name": "canary-data", "key": "userData"}}}
        login["ca.crt"] = Path(facts["ca"]).read_text()
        world.apply(
            secret("canary", **login),
            platform("Provider", "canary", **{**spec, "credentialsRef": {"name": "canary"}}),
            secret("canary-data", "default", userData=f"#cloud-config\n# {hidden['user data']}\n"),
            machine("canary", "vc-lab", bootstrap=data),
        )
        world.ready("canary", 90)
        refused = eventually(lambda: world.condition("canary", "Stalled", "hpr"), 60, "the refusal is told")
        assert refused["reason"] == "CredentialsRejected"
        assert_none(world, operator, {**hidden, "password in use": facts["password"]})
        world.kubectl("delete", "hvm", "canary", "--timeout=60s")
        world.kubectl("delete", "hpr", "canary", "--timeout=60s")
        world.kubectl("delete", "secret", "-n", "hostwright-system", "canary", "--timeout=30s")
