"""Two operators act at once, the Lease bypassed: the fence's promise, and what is left where there is no fence."""

import json
from typing import Any

import pytest
from tests.e2e.world import Running, World, eventually, machine

from hostwright.sandbox.openstack import clouds

FLAGS = ("--visibility-lag", "1", "--without-lease")


class Site:
    """What Nova and Neutron have of some machines."""

    def __init__(self, world: World) -> None:
        facts = world.box.sites["openstack"]
        self.cloud: Any = clouds.connect(facts["clouds"], facts["cloud"])

    def servers(self, names: list[str]) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {name: [] for name in names}
        for row in self.cloud.compute.servers():
            for name in names:
                if row.name.startswith(f"default-{name}-"):
                    rows[name].append(row)
        return rows

    def ports(self, names: list[str]) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {name: [] for name in names}
        for row in self.cloud.network.ports():
            for name in names:
                if row.name.startswith(f"default-{name}-"):
                    rows[name].append(row)
        return rows


@pytest.fixture(scope="module")
def site(world: World) -> Site:
    if "openstack" not in world.box.sites:
        pytest.skip("the OpenStack lab cannot be installed here (MariaDB and memcached need root)")
    return Site(world)


def _servers_made(operators: list[Running]) -> int:
    """How many creations of servers Nova accepted, as all operators' logs say."""
    rows = [
        json.loads(line) for each in operators for line in each.text().splitlines() if '"verb": "create_server"' in line
    ]
    return sum(row["outcome"] == "ok" for row in rows)


@pytest.mark.parametrize(("network", "fence"), [("app", "by MAC"), ("db", "none")])
def test_two_writers_end_with_one_machine_each(world: World, site: Site, network: str, fence: str) -> None:
    names = [f"twin-{network}-{number}" for number in range(4)]
    interfaces = {"interfaces": [{"name": "eth0", "networkRef": {"name": network}}]}
    with world.operator(*FLAGS, "--identity", "one") as one, world.operator(*FLAGS, "--identity", "two") as two:
        for each in (one, two):
            eventually(lambda each=each: '"operator started"' in each.text(), 45, "the operator's start")
        world.apply(*(machine(name, "os-lab", network=interfaces) for name in names))
        most_active, ports_seen = 0, set[str]()

        def at_rest() -> bool:
            nonlocal most_active
            servers = site.servers(names)
            ports_seen.update(row.id for rows in site.ports(names).values() for row in rows)
            most_active = max(most_active, *(sum(row.status == "ACTIVE" for row in rows) for rows in servers.values()))
            return all(len(rows) == 1 and rows[0].status == "ACTIVE" for rows in servers.values())

        eventually(at_rest, 120, "one server each at rest")
        for name in names:
            world.ready(name, 120)
        eventually(lambda: _bound(site, names), 60, "one port each, bound to its server")
        made = _servers_made([one, two])
        assert made >= len(names)
        print(
            f"\nbar: two writers, Lease bypassed, fence {fence}: {len(names)} machines, {made - len(names)} duplicate "
            f"servers made, {len(ports_seen) - len(names)} duplicate ports seen, all removed again; "
            f"at most {most_active} ACTIVE for one machine"
        )
        assert most_active == 1 or fence == "none"
        world.kubectl("delete", "hvm", *names, "--timeout=120s")
        assert site.servers(names) == {name: [] for name in names}
        assert site.ports(names) == {name: [] for name in names}


def _bound(site: Site, names: list[str]) -> bool:
    servers, ports = site.servers(names), site.ports(names)
    return all(
        len(servers[name]) == 1 and [row.device_id for row in ports[name]] == [servers[name][0].id] for name in names
    )
