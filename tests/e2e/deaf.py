"""A way to the API server on which watches can be made deaf: they stay open, and no byte comes any more."""

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

CHUNK = 65536


@dataclass
class Way:
    """Takes plain HTTP and speaks TLS to the server, so that it can tell a watch from all other requests."""

    host: str
    port: int
    tls: ssl.SSLContext
    deaf: bool = False
    watches: int = 0
    swallowed: int = 0  # bytes
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self.host, self.port, ssl=self.tls)
        watch = asyncio.Event()
        pumps = (self._asked(reader, up_writer, watch), self._answered(up_reader, writer, watch))
        self._tasks |= {asyncio.create_task(pump) for pump in pumps}

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, watch: asyncio.Event) -> None:
        while data := await reader.read(CHUNK):
            if b"watch=true" in data.partition(b"\r\n")[0]:
                watch.set()
                self.watches += 1
            writer.write(data)
        writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, watch: asyncio.Event) -> None:
        while data := await reader.read(CHUNK):
            if self.deaf and watch.is_set():
                self.swallowed += len(data)
            else:
                writer.write(data)
        if not (self.deaf and watch.is_set()):
            writer.close()

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextmanager
def way(kubeconfig: Path, folder: Path) -> Iterator[tuple[Way, Path]]:
    """The way, and a kubeconfig that leads over it."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    address = urlsplit(cluster["server"])
    authority = base64.b64decode(cluster.pop("certificate-authority-data")).decode()
    made = Way(address.hostname or "", address.port or 443, ssl.create_default_context(cadata=authority))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="way to the API server")
    thread.start()
    try:
        opening = asyncio.start_server(made.serve, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(opening, loop).result(10)
        cluster["server"] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        over = folder / "over.kubeconfig"
        over.write_text(yaml.safe_dump(config))
        yield made, over
        server.close()
        asyncio.run_coroutine_threadsafe(made.end(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
