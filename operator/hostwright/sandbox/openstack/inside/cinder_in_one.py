# ruff: noqa: INP001 - a script run by path with the lab's interpreter, not part of the package
# ruff: noqa: E402 - Cinder must be told about threads before anything else of it is imported
"""cinder-api, scheduler and one volume service in one process, over ``fake://`` as in nova_in_one.py.

usage: cinder_in_one.py PORT THREADS CONFIG_FILE
"""

import os

os.environ["OS_CINDER_DISABLE_EVENTLET_PATCHING"] = "true"  # else BackendAlreadySelected: eventlet

from cinder import monkey_patch

monkey_patch.patch(backend="threading")

import sys
import threading
from typing import Any

import os_brick
from cinder import service
from cinder.wsgi import wsgi
from oslo_config import cfg
from web import run, serve

ONE_AT_A_TIME = threading.Lock()


class Service(service.Service):
    """Upstream ``service_id`` is a class attribute: of two services in one process one would lose its heartbeat."""

    def report_state(self) -> None:
        with ONE_AT_A_TIME:
            service.Service.service_id = self.origin_service_id
            super().report_state()


def main() -> None:
    port, threads, config = sys.argv[1:]
    sys.argv = ["cinder-lab", "--config-file", config]  # what Cinder parses itself
    app = wsgi.initialize_application()
    os_brick.setup(cfg.CONF)
    services: list[Any] = []
    for named in (
        {"binary": "cinder-volume", "host": cfg.CONF.host + "@fake", "service_name": "fake", "coordination": True},
        {"binary": "cinder-scheduler"},  # last: it waits up to 60 s for a volume service's first report
    ):
        one = Service.create(**named)
        one.start()
        services.append(one)
    serve("cinder", app, int(port), int(threads))


run(main)
