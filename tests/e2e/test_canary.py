"""What is secret stands nowhere: not in status, Events, logs, metrics or error text."""

import base64
import urllib.request

import yaml
from tests.e2e.manifests import clouds, platform, secret
from tests.e2e.sites import Cloud
from tests.e2e.world import World, eventually, machine

CANARY = "Canary-4f1c9a7d02"
DATA = {"cloudInit": {"userDataRef": {"name": "canary-data", "key": "userData"}}}
HUGE = {"cloudInit": {"userDataRef": {"name": "canary-huge", "key": "userData"}}}


def test_a_password_and_user_data_stand_in_nothing_that_people_read(world: World, cloud: Cloud) -> None:
    """A login that is used, one that is refused, user data that is taken, and some that is refused."""
    auth = cloud.user.config.get_auth_args()
    wrong = {**auth, "user_domain_id": "default", "project_domain_id": "default", "password": f"{CANARY}-password"}
    provider = platform(
        "Provider",
        "canary",
        type="OpenStack",
        credentialsRef={"name": "canary"},
        allowedNamespaces={"from": "All"},
        openstack={"cloudName": "openstack"},
    )
    huge = "#cloud-config\n" + "\n".join(f"# {CANARY}-huge {number}" for number in range(3000))
    with world.operator("--log-level", "debug") as operator:
        operator.leading()
        world.apply(
            secret("canary", **{"clouds.yaml": clouds(**wrong)}),
            secret("canary-data", "default", userData=f"#cloud-config\n# {CANARY}-data\n"),
            secret("canary-huge", "default", userData=huge),
            provider,
            machine("canary-good", "os-lab", bootstrap=DATA),
            machine("canary-huge", "os-lab", bootstrap=HUGE),
        )
        world.ready("canary-good", 90)
        eventually(lambda: world.condition("canary", "Stalled", "hpr"), 30, "the refused login is told")
        told = eventually(lambda: world.condition("canary-huge", "Stalled"), 60, "the refused user data is told")
        assert told["reason"] == "InvalidConfiguration"
        login = yaml.safe_load(_secret(world, "os-lab", "clouds.yaml"))["clouds"]
        used = [str(value) for each in login.values() for name, value in each["auth"].items() if _is_secret(name)]
        assert used
        read = {
            "objects": world.kubectl("get", "hvm,hpr,hmc,hmi,events", "-A", "-o", "yaml"),
            "log": operator.text(),
            "metrics": urllib.request.urlopen(f"{operator.http()}/metrics", timeout=10).read().decode(),
        }
        for word in (CANARY, base64.b64encode(CANARY.encode()).decode().rstrip("="), *used):
            assert [name for name, text in read.items() if word in text] == [], f"{word[:6]}… is told"
        world.kubectl("delete", "hvm", "canary-good", "canary-huge", "--timeout=90s")
        world.kubectl("delete", "hpr", "canary", "--timeout=60s")


def _is_secret(name: str) -> bool:
    return name in {"password", "application_credential_secret"}


def _secret(world: World, name: str, key: str) -> str:
    text = world.kubectl("get", "secret", "-n", "hostwright-system", name, "-o", "yaml")
    return base64.b64decode(yaml.safe_load(text)["data"][key]).decode()
