"""A change that takes a machine down, as its operation names it: what it leads to, and whether that is there."""

import hashlib
import json
from dataclasses import dataclass, fields

from hostwright.core.port import Operation, OperationType
from hostwright.kinds.virtualmachine.port import Found, Life
from hostwright.kinds.virtualmachine.resource import Bootstrap

_SIZE, _REBUILD = "size/", "rebuild/"
_CHANGES = frozenset({OperationType.RESIZE, OperationType.REBUILD})


@dataclass(frozen=True, slots=True)
class Remake:
    """What a rebuild leads to. Its word is written on the machine by the request itself, so that a look shows it.

    By the word alone whoever finds it, in the status or on the machine, knows what was asked for and acted on.
    """

    nonce: str  # from the word of the rebuild before: no two of one machine are alike
    image: str  # the backend's id
    name: str  # a digest of what people called it then
    bootstrap: str
    token: str

    @property
    def word(self) -> str:
        return f"{self.nonce}/{self.image}/{self.name}/{self.bootstrap}/{self.token}"


def remake(found: Found, image: str, image_name: str, bootstrap: str, token: str) -> Remake:
    """The one that is to come after those that the machine shows."""
    return Remake(digest(found.rebuilt), image, digest(image_name), bootstrap, token)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def bootstrap_of(bootstrap: Bootstrap | None) -> str:
    """Of what it names, never of a Secret's content."""
    cloud_init = bootstrap.cloud_init if bootstrap else None
    ref = cloud_init.user_data_ref if cloud_init else None
    keys = (cloud_init.ssh_authorized_keys if cloud_init else None) or []
    return digest(json.dumps([[ref.name, ref.key] if ref else None, sorted(keys)]))


def to_size(size: str) -> str:
    """`expect` of a resize."""
    return f"{_SIZE}{size}"


def to_remake(made: Remake) -> str:
    """`expect` of a rebuild."""
    return f"{_REBUILD}{made.word}"


def size_of(operation: Operation | None) -> str:
    """The size that it leads to; empty: it is no resize."""
    is_resize = operation is not None and operation.type is OperationType.RESIZE
    return operation.expect.removeprefix(_SIZE) if operation is not None and is_resize else ""


def remake_of(operation: Operation | None) -> Remake | None:
    """What a rebuild leads to; None: it is none."""
    if operation is None or operation.type is not OperationType.REBUILD:
        return None
    words = operation.expect.removeprefix(_REBUILD).split("/", 4)
    return Remake(*words) if len(words) == len(fields(Remake)) else None  # else somebody has edited the status


def is_one(operation: Operation | None) -> bool:
    return operation is not None and operation.type in _CHANGES


def shows(found: Found, operation: Operation) -> bool:
    """Whether the machine has what was asked for, or the backend is at work on it, or failed at it."""
    made = remake_of(operation)
    if made is not None:
        return found.rebuilt == made.word
    return found.life in {Life.CHANGING, Life.RESIZED, Life.FAILED} or landed(found, operation)


def landed(found: Found, operation: Operation | None) -> bool:
    """Whether it has what was asked for. Where a rebuild came to nothing, the word is there and the image is not."""
    made = remake_of(operation)
    if made is not None:
        return (found.rebuilt, found.shape.image) == (made.word, made.image)
    return bool(size_of(operation)) and found.shape.size == size_of(operation)
