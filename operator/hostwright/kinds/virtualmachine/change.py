"""A change that takes a machine down, as its operation names it: what it leads to, and whether that is there."""

from hostwright.core.port import Operation, OperationType
from hostwright.kinds.virtualmachine.port import Found, Life

_SIZE = "size/"
_CHANGES = frozenset({OperationType.RESIZE})


def to_size(size: str) -> str:
    """`expect` of a resize."""
    return f"{_SIZE}{size}"


def size_of(operation: Operation | None) -> str:
    """The size that it leads to; empty: it is no resize."""
    is_resize = operation is not None and operation.type is OperationType.RESIZE
    return operation.expect.removeprefix(_SIZE) if operation is not None and is_resize else ""


def is_one(operation: Operation | None) -> bool:
    return operation is not None and operation.type in _CHANGES


def shows(found: Found, operation: Operation) -> bool:
    """Whether the machine has what was asked for, or the backend is at work on it, or failed at it."""
    return found.life in {Life.CHANGING, Life.RESIZED, Life.FAILED} or landed(found, operation)


def landed(found: Found, operation: Operation | None) -> bool:
    """Whether it has what was asked for."""
    return bool(size_of(operation)) and found.shape.size == size_of(operation)
