"""A user and an admin of the shared lab, and servers that do not outlive their test."""

import select
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from hostwright.sandbox.openstack import clouds
from hostwright.sandbox.openstack.record import LabFacts

T = TypeVar("T")


class User:
    """What a test does in a lab, as `demo` or as the admin."""

    @staticmethod
    def eventually(look: Callable[[], T], seconds: float = 60) -> T:
        """The first true answer of a look."""
        deadline = time.monotonic() + seconds
        while not (seen := look()):
            assert time.monotonic() < deadline, f"never came true; the last look saw {seen!r}"
            select.select([], [], [], 0.05)
        return seen

    def __init__(self, facts: LabFacts, cloud: str) -> None:
        self.cloud: Any = clouds.connect(facts.clouds_file, cloud)
        self.image = self.cloud.image.find_image("tiny").id
        self.flavor = self.cloud.compute.find_flavor("m1.nano").id

    def network(self, name: str) -> str:
        return str(self.cloud.network.find_network(name).id)

    def post_server(self, name: str, networks: Any = "none", **more: Any) -> Any:
        server = {"name": name, "imageRef": self.image, "flavorRef": self.flavor, "networks": networks, **more}
        return self.cloud.compute.post("/servers", json={"server": server}, microversion="2.90")

    def active_server(self, name: str, networks: Any = "none") -> str:
        answer = self.post_server(name, networks)
        assert answer.status_code == 202, answer.text
        server = answer.json()["server"]["id"]
        self.await_status(server, "ACTIVE")
        return str(server)

    def await_status(self, server: str, status: str) -> None:
        self.eventually(lambda: self.cloud.compute.get_server(server).status == status)

    def called(self, name: str) -> list[str]:
        """The ids of all servers with that name."""
        return [server.id for server in self.cloud.compute.servers(name=f"^{name}$")]

    def delete_server(self, server: str) -> None:
        self.cloud.compute.delete_server(server)
        self.eventually(lambda: self.cloud.compute.get(f"/servers/{server}").status_code == 404)


@pytest.fixture
def user_of() -> type[User]:
    return User


@pytest.fixture
def demo(openstack_lab: LabFacts) -> Iterator[User]:
    user = User(openstack_lab, openstack_lab.cloud)
    before = {server.id for server in user.cloud.compute.servers(details=False)}
    yield user
    for server in user.cloud.compute.servers(details=False):
        if server.id not in before:
            user.delete_server(server.id)


@pytest.fixture
def admin(openstack_lab: LabFacts) -> User:
    return User(openstack_lab, openstack_lab.admin_cloud)
