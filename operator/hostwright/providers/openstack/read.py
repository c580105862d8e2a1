"""What an answer holds: one that cannot be read, from a proxy or cut on its way, says as little as none."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from hostwright.providers.openstack.rows import Reply, Unanswered

T = TypeVar("T")


def document(reply: Reply) -> Mapping[str, Any]:
    """The whole JSON object. Raises Unanswered."""
    return whole(reply, dict[str, Any])


def whole(reply: Reply, kind: type[T]) -> T:
    """The whole body as rows. Raises Unanswered."""
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:  # a ValidationError is a DecodeError
        raise Unanswered(f"an answer with {reply.status} cannot be read: {error}") from error


def part(reply: Reply, name: str, kind: type[T]) -> T:
    """What stands below one key. Raises Unanswered."""
    return rows(document(reply), name, kind)


def rows(found: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """Of a document that was read already. Raises Unanswered."""
    if name not in found:
        raise Unanswered(f"an answer has no {name!r}")
    try:
        return msgspec.convert(found[name], kind)
    except msgspec.ValidationError as error:
        raise Unanswered(f"{name!r} of an answer cannot be read: {error}") from error


def overlapping(date: str, seconds: int) -> str:
    """The next `changes-since`, from the service's own clock."""
    if not date:
        return ""
    return (parsedate_to_datetime(date).astimezone(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime | None:
    """A time as Nova and Neutron write it."""
    return datetime.fromisoformat(text) if text else None
