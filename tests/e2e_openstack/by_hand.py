"""Servers as somebody makes them without us, and objects that import them."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.sites import Cloud, Row
from tests.e2e.world import World, eventually, machine

ETH0, ETH1 = {"name": "eth0", "networkRef": {"name": "app"}}, {"name": "eth1", "networkRef": {"name": "db"}}
PORT_WORDS = "made by hand, for the shop"


class ByHand:
    """Servers as somebody makes them without us, each with a port of its own on `app`."""

    def __init__(self, cloud: Cloud) -> None:
        self._user = cloud.user
        self.words = PORT_WORDS  # what is said of the next port
        self.servers: list[str] = []
        self.ports: list[str] = []
        self.volumes: list[str] = []

    def port(self, network: str) -> str:
        found = self._user.network.find_network(network)
        made = self._user.network.create_port(network_id=found.id, name=f"by-hand-{network}", description=self.words)
        self.ports.append(made.id)
        return str(made.id)

    def server(
        self, name: str, *networks: str, tags: tuple[str, ...] = (), volumes: tuple[Row, ...] = (), **more: Any
    ) -> str:
        flavor = self._user.compute.find_flavor("m1.nano").id
        body: Row = {
            "name": name,
            "flavorRef": flavor,
            "networks": more.pop("networks", None) or [{"port": self.port(each)} for each in networks or ("app",)],
            "metadata": {"cost": "42"},
            "tags": list(tags),
            **more,
        }
        if not any(row["boot_index"] == 0 for row in volumes):
            body["imageRef"] = self.image()
            root = {"boot_index": 0, "uuid": body["imageRef"], "source_type": "image", "destination_type": "local"}
            volumes = ({**root, "delete_on_termination": True}, *volumes)
        body["block_device_mapping_v2"] = list(volumes)
        made = self._user.compute.post("/servers", json={"server": body}, microversion="2.90").json()["server"]["id"]
        self.servers.append(made)
        eventually(lambda: self.row(made)["status"] == "ACTIVE", 60, f"{name} is up")
        return str(made)

    def image(self) -> str:
        return str(self._user.image.find_image("tiny").id)

    def volume(self, **more: Any) -> str:
        made = self._user.block_storage.create_volume(size=2, name="by-hand", metadata={"mine": "yes"}, **more)
        self.volumes.append(made.id)
        eventually(lambda: self._user.block_storage.get_volume(made.id).status == "available", 60)
        return str(made.id)

    def row(self, server: str) -> Row:
        answer = self._user.compute.get(f"/servers/{server}", microversion="2.90")
        return answer.json()["server"] if answer.status_code == 200 else {}

    def whole(self, server: str) -> tuple[Any, ...]:
        """All that a user sees of it."""
        row = self.row(server)
        ports = self._user.network.get(f"/ports?device_id={server}").json()["ports"]
        named = {key: row[key] for key in ("name", "status", "tags", "metadata", "flavor", "updated")}
        volumes = [
            self._user.block_storage.get_volume(item["id"]) for item in row["os-extended-volumes:volumes_attached"]
        ]
        return named, ports, [(item.id, item.metadata, item.status) for item in volumes]

    def clean(self) -> None:
        for server in self.servers:
            self._user.compute.delete(f"/servers/{server}")
        for server in self.servers:
            eventually(lambda server=server: not self.row(server), 60)
        for port in self.ports:
            self._user.network.delete_port(port)
        for volume in self.volumes:
            eventually(lambda item=volume: self._free(item), 60)
            self._user.block_storage.delete_volume(volume)

    def _free(self, volume: str) -> bool:
        answer = self._user.block_storage.get(f"/volumes/{volume}")
        return answer.status_code == 404 or answer.json()["volume"]["status"] == "available"


@pytest.fixture
def by_hand(cloud: Cloud) -> Iterator[ByHand]:
    made = ByHand(cloud)
    yield made
    made.clean()


def imported(name: str, *interfaces: Row, **spec: Any) -> Row:
    network = {"network": {"interfaces": list(interfaces or (ETH0,))}}
    return machine(name, "os-lab", **network, **spec)


def drift(world: World, name: str) -> set[str]:
    return {row["path"] for row in world.status(name).get("drift") or ()}


def ledger(world: World, name: str) -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["id"], row["ownership"]) for row in world.status(name).get("resources") or ()}


def marks(row: Row) -> list[str]:
    return [tag for tag in row["tags"] if tag.startswith("hw:")]
