# ruff: noqa: INP001 - run with the lab's interpreter, found on its PYTHONPATH
"""The web server around each service: waitress, threads in one process, and the fault rules in front."""

import os
from typing import Any

from faults import Faults
from waitress import serve as waitress_serve


def serve(service: str, app: Any, port: int, threads: int) -> None:
    waitress_serve(
        Faults(app, service, os.environ["LAB_FAULTS"]),
        host="127.0.0.1",
        port=port,
        threads=threads,
        channel_timeout=300,
        connection_limit=1000,
        ident=None,
    )
