# ruff: noqa: INP001 - run with the lab's interpreter, found on its PYTHONPATH
"""The web server around each service: waitress, threads in one process, and the fault rules in front."""

import os
import traceback
from collections.abc import Callable
from typing import Any

from cheap import make_cheap
from waitress import serve as waitress_serve

from faults import Faults


def serve(service: str, app: Any, port: int, threads: int) -> None:
    make_cheap()
    waitress_serve(
        Faults(app, service, os.environ["LAB_FAULTS"]),
        host="127.0.0.1",
        port=port,
        threads=threads,
        channel_timeout=300,
        connection_limit=1000,
        ident=None,
    )


def run(main: Callable[[], None]) -> None:
    """Run it; when it fails end the whole process, which the threads of services already started would keep alive."""
    try:
        main()
    except BaseException:  # noqa: BLE001 - sys.exit included, with which Nova answers a driver it cannot load
        traceback.print_exc()
    finally:
        os._exit(1)
