"""Run a simulated site until it is told to end."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from hostwright.providers.simulated.control import Control
from hostwright.providers.simulated.model import Model, Settings
from hostwright.providers.simulated.site import BODY_LIMIT, Behaviour, Service
from hostwright.providers.simulated.state import StateFile


@dataclass(frozen=True, slots=True)
class Options:
    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.05
    build_seconds: float = 1.0
    token: str = ""
    port_file: Path | None = None


async def serve(options: Options, listening: Callable[[str, int], None]) -> None:
    """Returns after SIGTERM or SIGINT. Raises StateError, OSError where the address is in use."""
    state = StateFile(options.state)
    try:
        model = Model(state.load(), Settings(build_seconds=options.build_seconds))
        state.save_facts(model)
        service = Service(model, state, Behaviour(latency=options.latency, token=options.token))
        app = web.Application(client_max_size=BODY_LIMIT)
        app.add_routes([*service.routes(), *Control(service).routes()])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, options.host, options.port, backlog=1024)
            await site.start()
            ended = _ended_by_signal()  # before anybody is told that we listen, and may send one
            port = int(runner.addresses[0][1])
            if options.port_file is not None:
                _write_whole(options.port_file, f"{port}\n")
            listening(options.host, port)
            await ended.wait()
        finally:
            await runner.cleanup()
    finally:
        state.close()


def _ended_by_signal() -> asyncio.Event:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    return ended


def _write_whole(path: Path, text: str) -> None:
    """Whoever waits for the file never reads a part of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
