"""A project full of things that look like a machine's own: byte for byte the same after its whole life."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.killed import FLAGS, Call, killed_when
from tests.e2e.sites import Cloud, Row
from tests.e2e.world import World, eventually, machine

from hostwright.core.names import owner_mark, provider_name

NAME = "alike"
#: As an operator that lost its cluster id would have written it, or a thief.
FORGED = owner_mark("another-cluster", "11111111-2222-4333-8444-555555555555")
RECORD = {"hostwright.namespace": "default", "hostwright.name": "alike-2"}
#: What Nova, Neutron and Cinder change by themselves.
MOVES = ("updated", "updated_at", "revision_number", "OS-EXT-STS:task_state", "links")


class LookAlikes:
    """Servers, ports, volumes, floating IPs and server groups of everybody's, named and described like ours."""

    def __init__(self, cloud: Cloud) -> None:
        self._user = cloud.user
        self._made: list[tuple[Any, str]] = []
        made_id = "99999999-8888-4777-8666-555555555555"
        name = provider_name("default", NAME, made_id)
        network, image = self._user.network.find_network("app").id, self._user.image.find_image("tiny").id
        for description in ("", FORGED, "hw:", f"{name}-eth0"):
            body = {"network_id": network, "name": f"{name}-eth0", "description": description}
            self._post(self._user.network, "/ports", {"port": body}, "port")
        for metadata in ({}, RECORD, {"hostwright.mark": FORGED, "hostwright.disk": "data", **RECORD}):
            body = {"size": 1, "name": f"{name}-data", "metadata": metadata}
            self._post(self._user.block_storage, "/volumes", {"volume": body}, "volume")
        public = self._user.network.find_network("public").id
        for description in ("", FORGED):
            body = {"floating_network_id": public, "description": description}
            self._post(self._user.network, "/floatingips", {"floatingip": body}, "floatingip")
        for tags, metadata in (([], {}), ([FORGED], RECORD), (["team=shop"], RECORD)):
            server = {
                "name": name,
                "flavorRef": self._user.compute.find_flavor("m1.nano").id,
                "imageRef": image,
                "networks": [{"uuid": network}],
                "tags": tags,
                "metadata": metadata,
            }
            self._post(self._user.compute, "/servers", {"server": server}, "server")
        for path, item in self._servers():
            eventually(lambda path=path, item=item: self._get(path, item).get("status") == "ACTIVE", 90)

    def _post(self, service: Any, path: str, body: Row, word: str) -> None:
        version = {"microversion": "2.90"} if path == "/servers" else {}
        answer = service.post(path, json=body, **version)
        assert answer.status_code < 300, answer.text
        self._made.append((path, answer.json()[word]["id"]))

    def _servers(self) -> list[tuple[str, str]]:
        return [(path, item) for path, item in self._made if path == "/servers"]

    def _service(self, path: str) -> Any:
        return {"/servers": self._user.compute, "/volumes": self._user.block_storage}.get(path, self._user.network)

    def _get(self, path: str, item: str) -> Row:
        version = {"microversion": "2.90"} if path == "/servers" else {}
        answer = self._service(path).get(f"{path}/{item}", **version)
        return dict(next(iter(answer.json().values()))) if answer.status_code == 200 else {}

    def whole(self) -> dict[str, Row]:
        found = {item: self._get(path, item) for path, item in self._made}
        for _, item in self._servers():
            ports = self._user.network.get(f"/ports?device_id={item}").json()["ports"]
            found[f"ports of {item}"] = {row["id"]: {key: row[key] for key in row if key not in MOVES} for row in ports}
        return {item: {key: row[key] for key in row if key not in MOVES} for item, row in found.items()}

    def clean(self) -> None:
        for path, item in self._servers():
            self._service(path).delete(f"{path}/{item}")
        for path, item in self._servers():
            eventually(lambda path=path, item=item: not self._get(path, item), 60)
        for path, item in self._made:
            if path != "/servers":
                self._service(path).delete(f"{path}/{item}")


@pytest.fixture
def look_alikes(cloud: Cloud) -> Iterator[LookAlikes]:
    made = LookAlikes(cloud)
    yield made
    made.clean()


def test_nothing_of_theirs_is_touched_in_a_whole_life(world: World, cloud: Cloud, look_alikes: LookAlikes) -> None:
    eth0 = {"name": "eth0", "networkRef": {"name": "app"}, "floatingIP": {"pool": "public"}}
    eth1 = {"name": "eth1", "networkRef": {"name": "db"}}
    data = {"name": "data", "size": "1Gi", "retention": {"whenDetached": "Delete"}}
    spec = {"network": {"interfaces": [eth0, eth1]}, "dataDisks": [data], "tags": {"team": "shop"}}
    before = look_alikes.whole()
    made = Call("POST", "/v2.1/servers")
    gone = Call("DELETE", "/v2.1/servers/*")
    with world.operator(*FLAGS) as operator:
        operator.leading()
        rule = cloud.faults.add_first(made.rule(name=NAME))
        world.apply(machine(NAME, "os-lab", **spec))
        killed_when(operator, cloud, [rule])
    with world.operator(*FLAGS) as operator:
        operator.leading()
        world.ready(NAME, 120)
        changed = {"network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}}]}, "dataDisks": []}
        world.patch(NAME, {**changed, "classRef": {"name": "medium"}, "updatePolicy": {"maxDisruption": "Restart"}})
        body = world.ready(NAME, 120)
        assert {row["name"] for row in body["status"]["resources"]} == {"server", "port/eth0"}
        rule = cloud.faults.add_first(gone.rule(name=NAME))
        world.kubectl("delete", "hvm", NAME, "--wait=false")
        killed_when(operator, cloud, [rule])
    with world.operator(*FLAGS) as operator:
        operator.leading()
        world.gone(NAME, 120)
    assert look_alikes.whole() == before
