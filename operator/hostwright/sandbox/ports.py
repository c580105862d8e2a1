"""Free ports on the loopback address."""

import secrets
import socket

from hostwright.sandbox.failure import SandboxError

_FIRST, _LAST = 20_000, 32_767
"""Below Linux' range for outgoing connections (32768 and up): none takes a port between our look and its use."""
MANY = (10_000, 19_999)
"""For who takes hundreds: a sandbox that starts at the same moment would else want one of them, four times of ten."""


def free(count: int, within: tuple[int, int] = (_FIRST, _LAST)) -> list[int]:
    """Distinct ports nobody listens on; drawn at random, so that sandboxes starting together do not meet."""
    first, last = within
    found: list[int] = []
    for _attempt in range(count * 200):
        if len(found) == count:
            return found
        port = first + secrets.randbelow(last - first + 1)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    raise SandboxError(f"no {count} free ports between {first} and {last} on 127.0.0.1", "Look at `ss -ltn`.")
