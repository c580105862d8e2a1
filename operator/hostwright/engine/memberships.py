"""Which machines name a group of which Provider, kept as the store changes: nobody reads all bodies to know."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hostwright.engine.ports import Body, Key
from hostwright.engine.queue import Priority
from hostwright.kinds.provider.groups import Wish

MACHINE, PROVIDER = "VirtualMachine", "Provider"


@dataclass(frozen=True, slots=True)
class Member:
    """What one machine asks of its group."""

    provider: str
    group: str  # `<namespace>/<name>`
    policy: str
    born: str
    live: bool  # it is to be made, or stays; and is not only looked at
    idle: bool = field(default=True, compare=False)  # it is not there, and no creation of it may be under way


class Memberships:
    """Follows the store. `wake` is told of the Provider whose groups a change concerns."""

    def __init__(self, wake: Callable[[Key, Priority], None]) -> None:
        self._wake = wake
        self._members: dict[Key, Member] = {}
        self._groups: defaultdict[str, dict[str, dict[Key, Member]]] = defaultdict(dict)

    def follow(self, key: Key, body: Body | None) -> None:
        if key.kind != MACHINE:
            return
        old, new = self._members.get(key), member_of(key, body) if body is not None else None
        if old == new and (old is None or new is None or old.idle == new.idle):
            return
        if old is not None:
            self._leave(key, old)
        if new is not None:
            self._members[key] = new
            self._groups[new.provider].setdefault(new.group, {})[key] = new
        if old == new:
            return
        for provider in sorted({member.provider for member in (old, new) if member is not None}):
            self._wake(Key(PROVIDER, "", provider), Priority.TRANSITION)

    def wishes(self, provider: str) -> Iterator[tuple[str, Wish]]:
        """By name. Of two policies of one group the older machine's counts."""
        for name, members in self._groups.get(provider, {}).items():
            oldest = min(members.items(), key=lambda item: (item[1].born, item[0]))[1]
            live = any(member.live for member in members.values())
            agreed = all(member.idle and member.policy == oldest.policy for member in members.values())
            yield name, Wish(oldest.policy, live, agreed)

    def machines(self, provider: str, group: str) -> Mapping[Key, Member]:
        return self._groups.get(provider, {}).get(group, {})

    def _leave(self, key: Key, member: Member) -> None:
        del self._members[key]
        groups = self._groups[member.provider]
        del groups[member.group][key]
        if not groups[member.group]:
            del groups[member.group]


def member_of(key: Key, body: Body) -> Member | None:
    """None: it names none."""
    spec, metadata = body["spec"], body["metadata"]
    group = (spec.get("placement") or {}).get("group")
    if not group:
        return None
    live = not metadata.get("deletionTimestamp") and spec.get("managementPolicy") != "ObserveOnly"
    born = str(metadata.get("creationTimestamp", ""))
    provider, name = spec["providerRef"]["name"], f"{key.namespace}/{group['name']}"
    return Member(provider, name, group["policy"], born, live, _idle(body.get("status") or {}))


def _idle(status: Mapping[str, Any]) -> bool:
    """An attempt that waits to be made again has ended without a machine."""
    operation = status.get("operation")
    there = any(row["name"] == "server" for row in status.get("resources") or ())
    return not there and (operation is None or bool(operation.get("nextRetryAt")))
