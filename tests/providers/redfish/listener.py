"""A server that is no BMC."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def listening(answer: Callable[[socket.socket], None] | None = None) -> Iterator[tuple[int, list[str]]]:
    """A server that notes who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        came: list[str] = []

        def accept() -> None:
            while True:
                try:
                    line, peer = server.accept()
                except OSError:
                    return
                came.append(str(peer))
                with line:
                    if answer is not None:
                        answer(line)

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
