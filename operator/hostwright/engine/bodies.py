"""Objects' bodies in little room: as compressed JSON, and as they are while they are asked for.

A settled machine's body takes 7 kB as dicts, even where they share their words, and is looked at once in many minutes.
Two bodies of a kind differ in ids, addresses and moments: with another one as its dictionary a body deflates to 0.5 kB.
"""

import json
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping

from hostwright.engine.ports import Body, Key

#: Bodies that are kept as they are beside their small form: those of the passes under way, and of a pool at work.
RECENT = 512
#: zlib's fastest level, without header and checksum.
LEVEL, WINDOW = 1, -15
#: First byte of a small form: whether the kind's words were known when it was made.
PLAIN, WORDS = b"-", b"+"
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=dict).encode


class Bodies(Mapping[Key, Body]):
    """One body for each key. Whoever gets one does not change it."""

    def __init__(self) -> None:
        self._small: dict[Key, bytes] = {}
        self._recent: OrderedDict[Key, Body] = OrderedDict()
        self._words: dict[str, bytes] = {}  # by kind: the first body that had a status, the dictionary of all after it

    def __getitem__(self, key: Key) -> Body:
        found = self._recent.get(key)
        if found is None:
            found = self._large(key.kind, self._small[key])
        self._remember(key, found)
        return found

    def __iter__(self) -> Iterator[Key]:
        return iter(self._small)

    def __len__(self) -> int:
        return len(self._small)

    def put(self, key: Key, body: Body) -> None:
        text = _encode(body).encode()
        if key.kind not in self._words and body.get("status"):
            self._words[key.kind] = text
        words = self._words.get(key.kind, b"")
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, zdict=words)
        self._small[key] = (WORDS if words else PLAIN) + deflate.compress(text) + deflate.flush()
        self._remember(key, body)

    def drop(self, key: Key) -> None:
        self._small.pop(key, None)
        self._recent.pop(key, None)

    def _large(self, kind: str, small: bytes) -> Body:
        words = self._words[kind] if small[:1] == WORDS else b""
        body: Body = json.loads(zlib.decompressobj(WINDOW, zdict=words).decompress(small[1:]))
        return body

    def _remember(self, key: Key, body: Body) -> None:
        self._recent[key] = body
        self._recent.move_to_end(key)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
