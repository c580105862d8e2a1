"""A machine, a catalog and a wish, to be varied by each test."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hostwright.core import names
from hostwright.core.port import LedgerRow, Present, Trace, Window
from hostwright.kinds.virtualmachine.port import Bindings, Look, Wanted
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.vsphere import translate
from hostwright.providers.vsphere.inventory import Seen
from hostwright.providers.vsphere.resolve import Names, resolve
from hostwright.providers.vsphere.rows import OFF, ON, Catalog, Machine, Nic, Place
from hostwright.providers.vsphere.section import FailureDomainSection, ProviderSection

ID = "6b1f3a52-5f0e-4c8e-9d1a-0c5a4e2f7b10"
CREATED = datetime(2026, 5, 1, tzinfo=UTC)
TRACE = Trace(
    machine_id=ID,
    mark=names.owner_mark("c", ID),
    mark_prefix=names.mark_prefix("c"),
    name=names.provider_name("team-a", "web", ID),
    namespace="team-a",
    object_name="web",
    windows=(Window(CREATED),),
)
LISTED = replace(TRACE, ledger=(LedgerRow("server", "vm-9"),))
POOLS = (
    Place("resgroup-1", "Resources", "/dc1/host/c1/Resources", "domain-c1"),
    Place("resgroup-2", "Resources", "/dc1/host/c2/Resources", "domain-c2"),
    Place("resgroup-3", "prod", "/dc1/host/c1/Resources/prod", "domain-c1"),
    Place("resgroup-4", "prod", "/dc1/host/c2/Resources/prod", "domain-c2"),
)
CATALOG = Catalog(
    folders=(Place("group-v1", "vm", "/dc1/vm"), Place("group-v2", "machines", "/dc1/vm/machines")),
    pools=POOLS,
    clusters=(
        Place("domain-c1", "c1", "/dc1/host/c1", "resgroup-1"),
        Place("domain-c2", "c2", "/dc1/host/c2", "resgroup-2"),
    ),
    datastores=(Place("datastore-1", "ds1", "/dc1/datastore/ds1"),),
    networks=(
        Place("dvportgroup-1", "app", "/dc1/network/app", "switch-uuid"),
        Place("network-2", "VM Network", "/dc1/network/VM Network"),
        Place("dvportgroup-3", "twice", "/dc1/network/a/twice", "switch-uuid"),
        Place("dvportgroup-4", "twice", "/dc1/network/b/twice", "switch-uuid"),
    ),
    templates=(Place("vm-1", "tiny", "/dc1/vm/tiny", nics=(Nic(4000, "00:50:56:aa:00:01", "", "VirtualVmxnet3"),)),),
    root="group-v1",
)
NETWORKS = {"app": "app", "plain": "VM Network", "twice": "twice", "lost": "no-such"}


DOMAINS = {
    "az1": FailureDomainSection(),
    "az2": FailureDomainSection(cluster="c2", resourcePool="prod", datastore="ds1", folder="machines"),
}


def names_of(**section: Any) -> Names:
    block = {"server": "vc", "datacenter": "dc1", "cluster": "c1", **section}
    return Names(CATALOG, ProviderSection.model_validate(block), NETWORKS, DOMAINS)


def spec(interface: dict[str, Any] | None = None, **more: Any) -> VirtualMachineSpec:
    return VirtualMachineSpec.model_validate(
        {
            "providerRef": {"name": "vc"},
            "classRef": {"name": "small"},
            "imageRef": {"name": "tiny"},
            "network": {"interfaces": [{"name": "eth0", "networkRef": {"name": "app"}, **(interface or {})}]},
            **more,
        }
    )


def bindings(**more: Any) -> Bindings:
    has: dict[str, Any] = {
        "cpu": 1,
        "memory_mib": 512,
        "class_name": "small",
        "image_name": "tiny",
        "image_section": {"template": "tiny"},
        "hostname": "web",
    }
    return Bindings(**{**has, **more})


def wanted(interface: dict[str, Any] | None = None, **more: Any) -> Wanted:
    answer = resolve(names_of(), spec(interface, **more), bindings())
    assert isinstance(answer, Wanted), answer
    return answer


def machine(**more: Any) -> Machine:
    """Ours, on, with one card and its address."""
    options = {**translate.mark(TRACE), "hostwright.template": "vm-1", "hostwright.interfaces": "eth0"}
    row = Machine(
        id="vm-9",
        name=TRACE.name,
        parent="group-v2",
        configured=True,
        options={**options, **more.pop("options", {})},
        cpu=1,
        memory_mib=512,
        created=CREATED,
        power=ON,
        connection="connected",
        tools=True,
        nics=(Nic(4000, "00:50:56:aa:00:02", "dvportgroup-1", "VirtualVmxnet3"),),
        addresses={"00:50:56:aa:00:02": ("10.1.0.4",)},
    )
    return replace(row, **more)


def off(**more: Any) -> Machine:
    return machine(power=OFF, tools=False, addresses={}, **more)


def present(*machines: Machine, trace: Trace = LISTED, as_of: float = 100.0) -> Look:
    return Present(translate.found("vc-uuid", [Seen(row, as_of) for row in machines], trace), as_of)
