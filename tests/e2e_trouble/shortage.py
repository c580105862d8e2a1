"""Machines for which there is no room: each quota in the words of the service that keeps it, and no host."""

from collections.abc import Mapping

from tests.e2e.manifests import platform
from tests.e2e_trouble.stage import FULL, LAB, NO_PORTS, Act, Case, Stage, nothing

ETH0 = {"name": "eth0", "networkRef": {"name": "app"}}
DISK = {"name": "data", "storageClass": "standard", "retention": {"whenDeleted": "Delete"}}
#: Sizes that one quota, or no host, has room for: vCPU, MiB, GB.
SIZES = {"trouble-cores": (60, 64, 1), "trouble-ram": (1, 60_000, 1), "trouble-vast": (1, 64, 100_000_000)}


def sizes(stage: Stage) -> None:
    """Classes of these sizes; before the operator reads the catalog, or they would be missing for a while."""
    for name, (cpu, memory, disk) in SIZES.items():
        stage.cloud.admin.compute.create_flavor(name=name, vcpus=cpu, ram=memory, disk=disk)
        stage.world.apply(
            platform("MachineClass", name, cpu=cpu, memory=f"{memory}Mi", openstack={"flavor": {"name": name}})
        )


def prepare(stage: Stage) -> None:
    """Limits by far below what is there for those who ask for much."""
    limit(stage, "compute", FULL, instances=0)
    limit(stage, "block_storage", FULL, volumes=0)
    limit(stage, "network", NO_PORTS, port=0)
    limit(stage, "network", LAB, floatingip=0)
    limit(stage, "block_storage", LAB, gigabytes=100)
    limit(stage, "compute", LAB, cores=59, ram=59_999)


def limit(stage: Stage, service: str, provider: str, **limits: int) -> None:
    project = stage.projects.get(provider, stage.cloud.user.current_project_id)
    if service == "network":
        stage.cloud.admin.network.put(f"/quotas/{project}", json={"quota": limits})
    else:
        getattr(stage.cloud.admin, service).update_quota_set(project, **limits)


def raises(service: str, provider: str, *names: str) -> Act:
    def mend(stage: Stage, _: str) -> None:
        limit(stage, service, provider, **dict.fromkeys(names, -1))

    return mend


def smaller(stage: Stage, name: str) -> None:
    stage.world.patch(name, {"classRef": {"name": "small"}})


SHORTAGES: Mapping[str, Case] = {
    "quota-instances": Case("QuotaExceeded", nothing, raises("compute", FULL, "instances"), provider=FULL, born=False),
    "quota-cores": Case(
        "QuotaExceeded",
        nothing,
        raises("compute", LAB, "cores"),
        spec={"classRef": {"name": "trouble-cores"}},
        born=False,
    ),
    "quota-ram": Case(
        "QuotaExceeded", nothing, raises("compute", LAB, "ram"), spec={"classRef": {"name": "trouble-ram"}}, born=False
    ),
    "quota-ports": Case("QuotaExceeded", nothing, raises("network", NO_PORTS, "port"), provider=NO_PORTS, born=False),
    "quota-floating-ips": Case(
        "QuotaExceeded",
        nothing,
        raises("network", LAB, "floatingip"),
        spec={"network": {"interfaces": [{**ETH0, "floatingIP": {"pool": "public"}}]}},
        born=False,
    ),
    "quota-volumes": Case(
        "QuotaExceeded",
        nothing,
        raises("block_storage", FULL, "volumes"),
        spec={"dataDisks": [{**DISK, "size": "1Gi"}]},
        provider=FULL,
        born=False,
    ),
    "quota-gigabytes": Case(
        "QuotaExceeded",
        nothing,
        raises("block_storage", LAB, "gigabytes"),
        spec={"dataDisks": [{**DISK, "size": "200Gi"}]},
        born=False,
    ),
    "no-host": Case("NoValidHost", nothing, smaller, spec={"classRef": {"name": "trouble-vast"}}, born=False),
}
