# ruff: noqa: INP001 - a script run by path with the lab's interpreter, not part of the package
# ruff: noqa: E402 - Nova must be told about threads before anything else of it is imported
"""nova-api, conductor, scheduler and N fake computes in one process, so that no message broker is needed.

usage: nova_in_one.py PORT COMPUTES THREADS WAIT_FOR_PORT...

oslo.messaging's ``fake://`` keeps its exchanges in a class attribute: all transports of one process share them, as in
Nova's own functional tests. The computes announce themselves to Placement, so its and Keystone's ports are awaited.
"""

from nova import monkey_patch

monkey_patch.patch(backend="threading")

import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import hypervisor
import nova.conf
import os_brick
import os_vif
from nova import context, objects, service
from nova.api.openstack import wsgi_app
from nova.compute import rpcapi as compute_rpcapi
from nova.conductor import rpcapi as conductor_rpcapi
from nova.objects import host_mapping
from nova.scheduler import rpcapi as scheduler_rpcapi
from oslo_messaging._drivers import impl_fake
from web import run, serve

NOTHING_ELSE = threading.Event()  # never set: waiting on it is a pause of one thread
POLL_SECONDS = 0.05  # the driver's own pause between two looks into its queues
IDLE_SECONDS = 1.0  # a listener that is to stop learns of it within this time
WAIT_SECONDS = 120


class Doorbell:
    """What the fake messaging driver knows as ``time``: a listener pauses until a message came, and not for 50 ms.

    A lab that did nothing looked into its queues 200 times a second for each listener: a tenth of a processor.
    """

    time = staticmethod(time.time)

    def __init__(self) -> None:
        self._rung = threading.Condition()
        self._count = 0
        self._heard = threading.local()

    def ring(self) -> None:
        with self._rung:
            self._count += 1
            self._rung.notify_all()

    def sleep(self, seconds: float) -> None:
        """Until the next ring, or at once if there was one since this thread's last pause."""
        heard = getattr(self._heard, "count", None)
        with self._rung:
            self._rung.wait_for(lambda: self._count != heard, seconds if seconds < POLL_SECONDS else IDLE_SECONDS)
            self._heard.count = self._count


BELL = Doorbell()


class Exchange(impl_fake.FakeExchange):
    """One that rings when it has put a message into its queues."""

    def deliver_message(self, *args: Any, **named: Any) -> None:
        super().deliver_message(*args, **named)
        BELL.ring()


class Guests:
    """POST …/lab/guest/<uuid>/off and …/lose: what happens to a guest behind Nova's back."""

    def __init__(self, app: Any, services: list[Any]) -> None:
        self.app, self.services = app, services

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        parts = environ["PATH_INFO"].strip("/").split("/")
        if environ["REQUEST_METHOD"] != "POST" or parts[-4:-2] != ["lab", "guest"]:
            return self.app(environ, start_response)
        done = self._happen(*parts[-2:])
        start_response("204 No Content" if done else "404 Not Found", [("Content-Length", "0")])
        return [b""]

    def _happen(self, server: str, what: str) -> bool:
        for one in self.services:
            driver = getattr(one.manager, "driver", None)
            happening = {"off": "guest_off", "lose": "guest_lost"}.get(what)
            if happening and server in getattr(driver, "instances", ()):
                getattr(driver, happening)(server)
                return True
        return False


def wait_for(port: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            sys.exit(f"nothing listens on port {port}")
        NOTHING_ELSE.wait(0.05)


def start_services(computes: int) -> list[Any]:
    services = []

    def start(binary: str, topic: str, **named: Any) -> None:
        one = service.Service.create(binary=binary, topic=topic, **named)
        one.start()
        services.append(one)

    start("nova-conductor", conductor_rpcapi.RPC_TOPIC)
    start("nova-scheduler", scheduler_rpcapi.RPC_TOPIC)
    for number in range(1, computes + 1):
        start(
            "nova-compute",
            compute_rpcapi.RPC_TOPIC,
            host=f"fake-{number}",
            topic_alt=compute_rpcapi.RPC_TOPIC_ALT,
        )
    return services


def main() -> None:
    port, computes, threads, *needed = (int(word) for word in sys.argv[1:])
    sys.argv = ["nova-lab"]  # Nova parses the command line itself; ours is none of its
    impl_fake.time, impl_fake.FakeExchange = BELL, Exchange
    sys.modules["nova.virt.hypervisor"] = hypervisor  # Nova loads drivers from its own package only
    app = wsgi_app.init_application("osapi_compute", "nova-api")
    objects.register_all()
    os_brick.setup(nova.conf.CONF)
    os_vif.initialize()
    (Path(nova.conf.CONF.state_path) / "compute_id").write_text(hypervisor.node_uuid("lab") + "\n")
    for other in needed:
        wait_for(other)
    services = start_services(computes)
    if computes:
        host_mapping.discover_hosts(context.get_admin_context(), None, None, True)
    serve("nova", Guests(app, services), port, threads)


run(main)
