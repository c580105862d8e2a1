"""A BMC's password stands nowhere, be it taken or refused."""

from pathlib import Path

import yaml
from tests.e2e.canaries import assert_none, canary
from tests.e2e.manifests import secret
from tests.e2e.world import World, eventually

from hostwright.sandbox.redfish.lab import Bmcs


def test_no_password_of_a_bmc_stands_in_anything_that_people_read(world: World, bmcs: Bmcs) -> None:
    facts = world.box.sites["redfish"]
    word = canary()
    bmcs.fault(1, "Status", match="GET", status=500, count=3)  # words of failures, too
    with world.operator("--log-level", "debug") as operator:
        operator.leading()
        world.kubectl("wait", "hpm", "--all", "--for=jsonpath={.status.phase}=Free", "--timeout=90s")
        login = {"username": facts["username"], "password": word}
        first = next(yaml.safe_load_all(Path(facts["machines"]).read_text()))
        reference = {"name": "canary"}
        changed = {**first, "metadata": {**first["metadata"], "name": "canary"}}
        changed["spec"] = {**first["spec"], "bmc": {**first["spec"]["bmc"], "credentialsRef": reference}}
        world.kubectl("delete", "hpm", first["metadata"]["name"], "--timeout=60s")
        world.apply(secret("canary", first["metadata"]["namespace"], **login), changed)
        told = eventually(lambda: world.condition("canary", "Stalled", "hpm"), 60, "the refusal is told")
        assert told["reason"] == "CredentialsRejected"
        assert_none(world, operator, {"a BMC's refused password": word, "the password in use": facts["password"]})
        assert "X-Auth-Token" not in operator.text()
        world.kubectl("delete", "hpm", "canary", "--timeout=60s")
        world.apply(first)
        world.kubectl("wait", "hpm", "--all", "--for=jsonpath={.status.phase}=Free", "--timeout=90s")
