"""kill -9 after each of the operator's outgoing calls: always exactly one machine, then none."""

import json
import subprocess
import time
from typing import Any

import pytest
from tests.e2e.world import World, eventually, machine

from hostwright.sandbox.openstack import clouds

#: The operator's calls of one create and one delete, by the line of its log that says the call was answered.
CALLS = ("create_port", "create_server", "delete_server", "delete_port")
#: Seconds; the visibility lag is shortened for these tests (`--visibility-lag`).
LAG = "1"


class Truth:
    """What Nova and Neutron have, asked as the admin of the lab would."""

    def __init__(self, world: World) -> None:
        facts = world.box.sites["openstack"]
        self.cloud = clouds.connect(facts["clouds"], facts["cloud"])

    def servers(self, name: str) -> list[Any]:
        return [row for row in self.cloud.compute.servers() if row.name.startswith(f"default-{name}-")]

    def ports(self, name: str) -> list[Any]:
        return [row for row in self.cloud.network.ports() if row.name.startswith(f"default-{name}-")]


@pytest.fixture(scope="module")
def truth(world: World) -> Truth:
    if "openstack" not in world.box.sites:
        pytest.skip("the OpenStack lab cannot be installed here (MariaDB and memcached need root)")
    return Truth(world)


@pytest.mark.parametrize("call", CALLS)
def test_killed_right_after_a_call_there_is_one_machine_and_then_none(world: World, truth: Truth, call: str) -> None:
    name = f"crash-{call.replace('_', '-')}"
    with world.operator("--visibility-lag", LAG) as first:
        first.leading()
        world.apply(machine(name, "os-lab"))
        if call.startswith("delete"):
            world.ready(name, 60)
            world.kubectl("delete", "hvm", name, "--wait=false")
        _killed_at(first.process, lambda: _answered(first.text(), call))
    with world.operator("--visibility-lag", LAG) as second:
        second.leading()
        if call.startswith("create"):
            body = world.ready(name, 120)
            assert len(truth.servers(name)) == 1
            assert len(truth.ports(name)) == 1
            assert (
                truth.servers(name)[0].id == {row["name"]: row["id"] for row in body["status"]["resources"]}["server"]
            )
            assert truth.ports(name)[0].device_id == truth.servers(name)[0].id
            world.kubectl("delete", "hvm", name, "--wait=false")
        world.gone(name, 120)
        assert truth.servers(name) == []
        assert truth.ports(name) == []


def test_two_writers_without_a_lease_end_with_one_machine(world: World, truth: Truth) -> None:
    flags = ("--visibility-lag", LAG, "--without-lease")
    with world.operator(*flags, "--identity", "one"), world.operator(*flags, "--identity", "two"):
        world.apply(machine("twins", "os-lab"))
        world.ready("twins", 120)
        eventually(lambda: len(truth.servers("twins")) == 1, 60, "one server at rest")
        active = [row for row in truth.servers("twins") if row.status == "ACTIVE"]
        ports = truth.ports("twins")
        print(f"\nbar: two writers, Lease bypassed: {len(active)} ACTIVE server, {len(ports)} port")
        assert len(active) == 1
        assert [row.device_id for row in ports] == [active[0].id]
        world.kubectl("delete", "hvm", "twins", "--timeout=90s")
        assert truth.servers("twins") == []


def _answered(log: str, call: str) -> bool:
    return any(row.get("verb") == call for row in map(_line, log.splitlines()))


def _line(text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _killed_at(process: subprocess.Popen[bytes], reached: Any) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "the call was never made"
    process.kill()
    process.wait()
