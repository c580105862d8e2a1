"""Machines that are up, or nearly, and to which something happens on the cloud."""

from collections.abc import Mapping

from tests.e2e_trouble.stage import Case, Stage, nothing

#: By whose metadata the lab's hypervisor fails a spawn, or takes long.
ABORT, SLOW = {"lab:spawn": "abort"}, {"lab:delay": "25"}
DISK = [{"name": "data", "size": "1Gi", "retention": {"whenDetached": "Retain", "whenDeleted": "Delete"}}]


def fails(stage: Stage, name: str) -> None:
    """Somebody rebuilds it, and no host can."""
    server = stage.server(name)
    stage.cloud.admin.compute.set_server_metadata(server, **ABORT)
    stage.cloud.admin.compute.rebuild_server(server, image=server.image["id"])
    stage.reach(name, "ERROR")


def repaired(stage: Stage, name: str) -> None:
    server = stage.server(name)
    stage.cloud.admin.compute.reset_server_state(server, "active")  # of one in ERROR no metadata is taken off
    stage.cloud.admin.compute.delete_server_metadata(server, list(ABORT))


def builds_fast(stage: Stage, name: str) -> None:
    stage.world.patch(name, {"openstack": None, "timeouts": {"create": "5m"}})


def shelves(stage: Stage, name: str) -> None:
    stage.cloud.user.compute.shelve_server(stage.server(name))
    stage.reach(name, "SHELVED_OFFLOADED")


def unshelves(stage: Stage, name: str) -> None:
    stage.cloud.user.compute.unshelve_server(stage.server(name))


def suspends(stage: Stage, name: str) -> None:
    stage.cloud.user.compute.suspend_server(stage.server(name))


def pauses(stage: Stage, name: str) -> None:
    stage.cloud.user.compute.pause_server(stage.server(name))


def unpauses(stage: Stage, name: str) -> None:
    stage.cloud.user.compute.unpause_server(stage.server(name))


def locks(stage: Stage, name: str) -> None:
    stage.cloud.admin.compute.lock_server(stage.server(name), locked_reason="CHG-7 its rack is being moved")


def unlocks(stage: Stage, name: str) -> None:
    stage.cloud.admin.compute.unlock_server(stage.server(name))


def resizes(stage: Stage, name: str) -> None:
    medium = stage.cloud.user.compute.find_flavor("medium")
    stage.cloud.user.compute.resize_server(stage.server(name), medium)
    stage.reach(name, "VERIFY_RESIZE")


def reverts(stage: Stage, name: str) -> None:
    stage.cloud.user.compute.revert_server_resize(stage.server(name))


def loses_guest(stage: Stage, name: str) -> None:
    """A stop is accepted, comes to nothing on the host, and the server is ACTIVE again."""
    stage.cloud.guests.lose(stage.server(name).id)
    stage.world.patch(name, {"powerState": "PoweredOff"})


def gets_guest(stage: Stage, name: str) -> None:
    """Moved to another host, where its guest is made anew."""
    compute = stage.cloud.admin.compute
    compute.migrate_server(stage.server(name))
    stage.reach(name, "VERIFY_RESIZE")
    compute.confirm_server_resize(stage.server(name))


def unbinds(stage: Stage, name: str) -> None:
    """As the loser of a race for the port leaves it."""
    (port,) = stage.cloud.ports(name)
    stage.cloud.admin.network.update_port(port, device_id="", device_owner="", binding_host_id="")


def hangs(stage: Stage, name: str) -> None:
    """Cinder goes on detaching for ever, and the disk is wished no more.

    It is waited for briefly from now on: its making may take longer on a slow machine.
    """
    volume = stage.cloud.volumes(name)["data"]
    stage.cloud.admin.block_storage.reset_volume_status(volume, "detaching", "attached", None)
    stage.world.patch(name, {"dataDisks": None, "timeouts": {"resize": "8s"}})


def lets_go(stage: Stage, name: str) -> None:
    volume = stage.cloud.volumes(name)["data"]
    stage.cloud.admin.block_storage.reset_volume_status(volume, "in-use", "attached", None)


def host_dies(stage: Stage, name: str) -> None:
    """Nova shows users nothing of it, until they ask for something that needs the host."""
    _force(stage, name, down=True)
    stage.world.patch(name, {"classRef": {"name": "medium"}})


def host_lives(stage: Stage, name: str) -> None:
    _force(stage, name, down=False)


def _force(stage: Stage, name: str, *, down: bool) -> None:
    host = stage.host(name)
    (service,) = [row for row in stage.hosts() if row.host == host]
    stage.cloud.admin.compute.update_service_forced_down(service, host, "nova-compute", down)


STATES: Mapping[str, Case] = {
    "error": Case("MachineFailed", fails, repaired),
    "build": Case(
        "BuildFailed",
        nothing,
        builds_fast,
        spec={"openstack": {"metadata": SLOW}, "timeouts": {"create": "8s"}},
        born=False,
    ),
    "shelved": Case("MachineHeld", shelves, unshelves),
    "suspended": Case("DriftDetected", suspends, nothing, where="Events"),
    "paused": Case("MachineHeld", pauses, unpauses),
    "locked": Case("MachineHeld", locks, unlocks),
    "host-down": Case("HostDown", host_dies, host_lives, spec={"updatePolicy": {"maxDisruption": "Restart"}}),
    "resized": Case("MachineHeld", resizes, reverts),
    "bounced": Case("PowerFailed", loses_guest, gets_guest),
    "unbound": Case("DriftDetected", unbinds, nothing, where="Events"),
    "detaching": Case("DiskTimedOut", hangs, lets_go, spec={"dataDisks": DISK}),
}
