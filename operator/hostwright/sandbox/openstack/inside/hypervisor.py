# ruff: noqa: INP001 - run with the lab's interpreter, found on its PYTHONPATH
"""Nova's fake hypervisor, made fit to be restarted, and to fail as a server's metadata asks."""

import os
import threading
import uuid
from typing import Any

from nova import context, exception, objects
from nova.compute import power_state
from nova.virt import event, fake

NOTHING_ELSE = threading.Event()  # never set: waiting on it is a pause of this one build's thread
WITH_A_GUEST = ("active", "stopped", "paused", "suspended", "resized", "rescued")


def node_uuid(node: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, node))


class Hypervisor(fake.FakeDriver):
    """One fake host."""

    def init_host(self, host: str) -> None:
        """Nova's fake forgets its guests when the process ends; give them back, unless told to have lost them."""
        super().init_host(host)
        if os.environ.get("LAB_FORGET"):
            return
        for server in objects.InstanceList.get_by_host(context.get_admin_context(), host):
            if server.vm_state in WITH_A_GUEST:
                self.instances[server.uuid] = fake.FakeInstance(server.name, server.power_state, server.uuid)

    # Nova's fake draws a random node uuid for each process, and a second start on the same database then refuses
    # ("No local node identity found"): ours follows from the host's name.
    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        return dict(super().get_available_resource(nodename), uuid=node_uuid(nodename))

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        del refresh
        return {node_uuid(node): node for node in self.get_available_nodes()}

    def spawn(self, context: Any, instance: Any, *args: Any, **named: Any) -> None:
        wanted = instance.metadata or {}
        NOTHING_ELSE.wait(float(wanted.get("lab:delay", os.environ.get("LAB_SPAWN_DELAY", "0"))))
        if wanted.get("lab:spawn") == "fail":  # Nova tries the other hosts, then ERROR
            raise exception.NovaException("lab: spawn failed")
        if wanted.get("lab:spawn") == "abort":  # ERROR at once
            raise exception.BuildAbortException(instance_uuid=instance.uuid, reason="lab: aborted")
        super().spawn(context, instance, *args, **named)

    def guest_off(self, server: str) -> None:
        """Let the guest power itself off; Nova hears of it as from a real hypervisor."""
        self.instances[server].state = power_state.SHUTDOWN
        self.emit_event(event.LifecycleEvent(server, event.EVENT_LIFECYCLE_STOPPED))

    def guest_lost(self, server: str) -> None:
        """Forget the guest, and tell nobody."""
        del self.instances[server]
