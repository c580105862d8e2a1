"""The process that is all BMCs of a sandbox: `python -m hostwright.sandbox.redfish.serve SETUP.json`."""

import asyncio
import json
import resource
import signal
import ssl
import sys
import uuid
from pathlib import Path
from typing import Any

from aiohttp import web

from hostwright.sandbox.record import write_file
from hostwright.sandbox.redfish.bmc import Bmc
from hostwright.sandbox.redfish.control import Control
from hostwright.sandbox.redfish.fleet import Fleet, server
from hostwright.sandbox.redfish.front import Front


def servers(file: Path, count: int) -> list[dict[str, Any]]:
    """Those of the last run, and as many more as are missing."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return [*kept[:count], *(server(number, str(uuid.uuid4())) for number in range(len(kept), count))]


async def serve(setup: dict[str, Any]) -> None:
    state = Path(setup["state"])
    known = servers(state, len(setup["ports"]))
    fleet = Fleet(known)

    def keep() -> None:
        write_file(state, json.dumps(fleet.kept()))

    keep()
    bmcs = [Bmc(at, each["uuid"], port) for at, (each, port) in enumerate(zip(known, setup["ports"], strict=True))]
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(setup["certificate"], setup["key"])
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    front = Front(fleet, bmcs, tls, keep)
    await front.start()
    control = web.AppRunner(Control(front).app())
    await control.setup()
    await web.TCPSite(control, "127.0.0.1", setup["control"]).start()  # last: it answers when all others do
    await over.wait()
    await control.cleanup()
    await front.stop()
    keep()


def main(file: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:  # a listening socket for each BMC, and its connections
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    asyncio.run(serve(json.loads(Path(file).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main(*sys.argv[1:])
