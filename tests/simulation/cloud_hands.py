"""What strangers and fate do in an OpenStack cloud, and the objects that lead an operator there."""

from typing import TYPE_CHECKING, Any

from tests.model_openstack.cloud import Cloud
from tests.model_openstack.rows import Build, Server, Settings
from tests.simulation.cloud import PROVIDER, SimCloud
from tests.simulation.cloud_judge import CloudJudge
from tests.simulation.cloud_people import CloudPeople

from hostwright.core.names import MARK, provider_name
from hostwright.engine.ports import Key
from hostwright.providers.openstack.translate import mac
from hostwright.providers.simulated.rows import Machine

if TYPE_CHECKING:
    from tests.simulation.world import World

#: Of the simulated site's settings, in the model's words.
SETTINGS = {"quota_machines": "quota_servers"}
NETWORK = "n-app"


def make_cloud(world: "World") -> SimCloud:
    lag = world.drawn.lists_lag
    settings = Settings(visibility_lag=lag, chosen_macs=world.rng.chance(0.7, "chosen MACs"))
    cloud = SimCloud(world, Cloud(lambda: world.clock.now().timestamp(), settings))
    cloud.judge = CloudJudge(world, cloud)
    return cloud


def lead_there(world: "World") -> None:
    """The same Provider and image as in other seeds, and another place."""
    world.cloud.people = CloudPeople(world)
    world.api.apply(Key("Provider", "", "sim"), PROVIDER)
    for key, name in ((Key("MachineImage", "", "tiny"), "tiny"), (Key("MachineImage", "", "bad"), "gone")):
        source = {"name": "sim", "providerRef": {"name": "sim"}, "openstack": {"image": {"name": name}}}
        if key in world.api.objects:
            world.api.apply(key, {"allowedNamespaces": {"from": "All"}, "sources": [source]})


class CloudHands:
    """As `hands.Hands` are those of the simulated site."""

    one_of_a_name = False

    def __init__(self, world: "World") -> None:
        self.world, self.here = world, world.cloud
        self.cloud = self.here.cloud
        self._tokens = 0

    @property
    def machines(self) -> dict[str, Machine]:
        return self.here.machines()

    def behaves(self, **settings: Any) -> None:
        for name, value in settings.items():
            setattr(self.cloud.settings, SETTINGS.get(name, name), value)

    def away(self, *, on: bool) -> None:
        self.here.down = on

    def tamper(self, row: Machine, **changes: Any) -> None:
        server = self._server(row)
        if server is None:
            return
        if "powered_on" in changes and server.task is None and server.status in {"ACTIVE", "SHUTOFF"}:
            self.cloud.nova.change(server, status="ACTIVE" if changes["powered_on"] else "SHUTOFF", task=None)
        if "tags" in changes:
            marks = [tag for tag in server.tags if tag.startswith(MARK)]
            server.tags = [*marks, *(f"{key}={value}" for key, value in changes["tags"].items())]
        if "mark" in changes:
            server.tags = [tag for tag in server.tags if not tag.startswith(MARK)]
        self.cloud.state.touched()

    def vanish(self, row: Machine) -> None:
        server = self._server(row)
        if server is not None:
            self.cloud.nova.gone(server)

    def clone(self, row: Machine, name: str) -> None:
        """With all that is written on it, and a port that Nova makes."""
        server = self._server(row)
        if server is None:
            return
        body = {"name": name, "flavorRef": server.flavor, "imageRef": server.image, "tags": server.tags}
        quota, self.cloud.settings.quota_servers = self.cloud.settings.quota_servers, None  # theirs is another
        made = self.cloud.nova.create({"server": {**body, "metadata": server.metadata}})
        self.cloud.settings.quota_servers = quota
        made.turn += 1
        port = self.cloud.neutron.create_port({"network_id": NETWORK, "device_id": made.id})
        made.made_ports.add(port.id)
        self.cloud.nova.change(made, status=server.status, task=None)
        self.world.judge.strange |= {made.id, port.id}
        self.here.clones.add(made.id)

    def is_clone(self, item: str) -> bool:
        return item in self.here.clones

    def squat(self, namespace: str, name: str, machine_id: str) -> None:
        """A name is nobody's on OpenStack; a MAC is taken once."""
        taken = mac(machine_id, "eth0", 0)
        if all(port.mac != taken for port in self.cloud.state.ports.values()) and self.cloud.settings.chosen_macs:
            port = {"network_id": NETWORK, "mac_address": taken, "name": provider_name(namespace, name, machine_id)}
            self.world.judge.strange.add(self.cloud.neutron.create_port(port).id)

    def fail_build(self) -> None:
        self.cloud.state.builds.append(Build())

    def hang_build(self) -> None:
        self.cloud.state.builds.append(Build(hang=True))

    def calm(self) -> None:
        self.cloud.state.builds.clear()
        self.cloud.state.lost_starts = 0

    def _server(self, row: Machine) -> Server | None:
        """None: its own end came first."""
        self.cloud.state.advance()
        return self.cloud.state.servers.get(row.id)
