"""One machine's rows as Nova and Neutron list them, and its wishes."""

from hostwright.core import names
from hostwright.core.port import LedgerRow, Trace
from hostwright.kinds.virtualmachine.port import Bindings
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.openstack.resolve import Names
from hostwright.providers.openstack.rows import Catalog, Flavor, Image, Network, Port, SecurityGroup, Server, Subnet
from hostwright.providers.openstack.section import NetworkSection
from hostwright.providers.openstack.seen import SeenPort, SeenServer

ID = "11111111-2222-4333-8444-555555555555"
MARK = names.owner_mark("c", ID)
TRACE = Trace(ID, MARK, names.mark_prefix("c"), "team-web-1", "team", "web")
CREATED = "2026-11-24T10:00:00Z"

CATALOG = Catalog(
    flavors=(
        Flavor(id="f1", name="small", vcpus=1, ram=512, disk=5),
        Flavor(id="f2", name="small-big-disk", vcpus=1, ram=512, disk=50),
        Flavor(id="f3", name="medium", vcpus=2, ram=1024, disk=10),
    ),
    images=(
        Image("i1", "tiny", "active"),
        Image("i2", "twice", "active"),
        Image("i3", "twice", "active"),
        Image("i4", "queued", "queued"),
    ),
    networks=(Network("n-app", "app"), Network("n-db", "db"), Network("n-1", "twice"), Network("n-2", "twice")),
    subnets=(Subnet("s-1", "front", "n-app"), Subnet("s-2", "front", "n-db")),
    security_groups=(SecurityGroup("g1", "web"), SecurityGroup("g2", "twice"), SecurityGroup("g3", "twice")),
    key_pairs=frozenset({"key"}),
    zones=frozenset({"nova"}),
)
NAMES = Names(
    CATALOG,
    {
        "app": NetworkSection(network="app"),
        "db": NetworkSection(network="n-db"),
        "twice": NetworkSection(network="twice"),
        "by-id": NetworkSection(network="n-1"),
        "lost": NetworkSection(network="no-such"),
        "front": NetworkSection(network="app", subnet="front"),
    },
)
BINDINGS = Bindings(cpu=1, memory_mib=512, image_name="tiny", image_section={"image": {"name": "tiny"}}, hostname="web")


def spec(*interfaces: dict[str, object], **more: object) -> VirtualMachineSpec:
    return VirtualMachineSpec.model_validate(
        {
            "providerRef": {"name": "lab"},
            "classRef": {"name": "small"},
            "imageRef": {"name": "tiny"},
            "network": {"interfaces": list(interfaces) or [{"name": "eth0", "networkRef": {"name": "app"}}]},
            **more,
        }
    )


def server(item: str = "s1", /, as_of: float = 10.0, active_at: float = 5.0, **fields: object) -> SeenServer:
    row: dict[str, object] = {
        "id": item,
        "name": TRACE.name,
        "status": "ACTIVE",
        "tags": (MARK,),
        "created": CREATED,
        "metadata": {"hostwright.namespace": "team", "hostwright.name": "web"},
        **fields,
    }
    return SeenServer(Server(**row), as_of, active_at)  # type: ignore[arg-type] - any of its fields


def port(name: str = "p1", interface: str = "eth0", as_of: float = 10.0, **fields: object) -> SeenPort:
    row: dict[str, object] = {
        "id": name,
        "name": f"{TRACE.name}-{interface}",
        "description": MARK,
        "network_id": "n-app",
        "created_at": CREATED,
        **fields,
    }
    return SeenPort(Port(**row), as_of)  # type: ignore[arg-type] - any of its fields


def row(name: str, item: str, **fields: object) -> LedgerRow:
    return LedgerRow(name, item, **fields)  # type: ignore[arg-type] - any of its fields
