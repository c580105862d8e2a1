"""What is secret stands nowhere: not in status, Events, logs, metrics or error text."""

import base64
import re

import yaml
from tests.e2e.canaries import assert_none, canary, leaks
from tests.e2e.manifests import clouds, platform, secret, simulated
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

HIDDEN = ("password", "application credential", "user data", "user data that is refused", "site's token")
#: Keystone's tokens, all of which begin so (Fernet).
TOKEN = re.compile(r"gAAAAA[\w-]{20}")


def user_data(name: str) -> dict[str, object]:
    return {"cloudInit": {"userDataRef": {"name": name, "key": "userData"}}}


def test_no_secret_stands_in_anything_that_people_read(world: World, cloud: Cloud) -> None:
    """Logins that are used and that are refused, user data that is taken and that is refused, a site's token."""
    hidden = {what: canary() for what in HIDDEN}
    domains = {"user_domain_id": "default", "project_domain_id": "default"}
    auth = {**cloud.user.config.get_auth_args(), **domains}
    credential = {
        "auth_url": auth["auth_url"],
        "application_credential_id": "0" * 32,
        "application_credential_secret": hidden["application credential"],
    }
    logins = {
        "canary-password": clouds(**{**auth, "password": hidden["password"]}),
        "canary-credential": yaml.safe_dump(
            {"clouds": {"openstack": {"auth_type": "v3applicationcredential", "auth": credential}}}
        ),
    }
    huge = "#cloud-config\n" + "\n".join(f"# {hidden['user data that is refused']} {number}" for number in range(3000))
    with world.operator("--log-level", "debug") as operator:
        operator.leading()
        for name, login in logins.items():
            facts = {"credentialsRef": {"name": name}, "openstack": {"cloudName": "openstack"}}
            world.apply(
                secret(name, **{"clouds.yaml": login}),
                platform("Provider", name, type="OpenStack", allowedNamespaces={"from": "All"}, **facts),
            )
        world.apply(
            secret("canary-data", "default", userData=f"#cloud-config\n# {hidden['user data']}\n"),
            secret("canary-huge", "default", userData=huge),
            secret("canary-token", token=hidden["site's token"]),
            simulated("canary-token", world.sim.endpoint, secret="canary-token"),
            machine("canary-good", "os-lab", bootstrap=user_data("canary-data")),
            machine("canary-huge", "os-lab", bootstrap=user_data("canary-huge")),
        )
        world.ready("canary-good", 90)
        world.ready("canary-token", 60, "hpr")
        for name in logins:
            eventually(lambda name=name: world.condition(name, "Stalled", "hpr"), 30, f"{name}: the refusal is told")
        refused = eventually(lambda: world.condition("canary-huge", "Stalled"), 60, "the refused user data is told")
        assert refused["reason"] == "InvalidConfiguration"
        lab = yaml.safe_load(_secret(world, "os-lab", "clouds.yaml"))["clouds"]
        used = {f"the password of {name}": each["auth"]["password"] for name, each in lab.items()}
        assert_none(world, operator, {**hidden, **used})
        assert "adminPass" not in operator.text()
        assert not TOKEN.search(operator.text())
        world.kubectl("delete", "hvm", "canary-good", "canary-huge", "--timeout=90s")
        world.kubectl("delete", "hpr", *logins, "canary-token", "--timeout=60s")
        world.kubectl("delete", "secret", "-n", "hostwright-system", *logins, "canary-token", "--timeout=30s")


def test_parts_of_a_secret_are_found_too() -> None:
    word = canary()
    basic = base64.b64encode(f"admin:{word}".encode()).decode()
    assert leaks({"log": f"Authorization: Basic {basic}"}, [word])
    assert leaks({"log": word[:16]}, [word])
    assert not leaks({"log": "Canary-"}, [word])


def _secret(world: World, name: str, key: str) -> str:
    text = world.kubectl("get", "secret", "-n", "hostwright-system", name, "-o", "yaml")
    return base64.b64decode(yaml.safe_load(text)["data"][key]).decode()
