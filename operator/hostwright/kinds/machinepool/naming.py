"""How the next members are called, and the identity each machine is born with."""

import base64
import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

from hostwright.kinds.machinepool.situation import Situation

#: Characters of `{random}`.
SHORT = 5


@dataclass(frozen=True, slots=True)
class Birth:
    """One member to come. Its number among all births of the pool is its incarnation."""

    name: str
    incarnation: int
    machine_id: str


def births(situation: Situation, number: int) -> tuple[tuple[Birth, ...], tuple[str, ...]]:
    """The next members, and the names that others have: those members are not made, and it is told."""
    used = {member.name for member in (*situation.members, *situation.strays)}
    names = list(islice(_free(situation, used), number))
    free = [name for name in names if name not in situation.foreign]
    first = situation.births + 1
    made = tuple(Birth(name, first + at, machine_id(situation.uid, name, first + at)) for at, name in enumerate(free))
    return made, tuple(name for name in names if name in situation.foreign)


def machine_id(pool_id: str, name: str, incarnation: int) -> str:
    """uuid5 of the pool's machine id, the name and the incarnation: a name used again is another machine."""
    return str(uuid.uuid5(uuid.UUID(pool_id), f"{name}/{incarnation}"))


def ordinal(name: str, template: str, pool: str) -> int:
    """The number in a member's name; -1 where it has none."""
    head, _, tail = template.replace("{pool}", pool).partition("{ordinal}")
    if "{ordinal}" not in template or not (name.startswith(head) and name.endswith(tail)):
        return -1
    middle = name[len(head) : len(name) - len(tail)]
    return int(middle) if middle.isascii() and middle.isdigit() else -1


def _free(situation: Situation, used: set[str]) -> Iterator[str]:
    """Names that no member has: the smallest numbers, or five characters that are the same at every look."""
    template = situation.naming.replace("{pool}", situation.pool)
    if "{ordinal}" in template:
        yield from (name for number in count() if (name := template.replace("{ordinal}", str(number))) not in used)
        return
    given: set[str] = set()
    for incarnation in count(situation.births + 1):
        tries = (template.replace("{random}", _random(situation.uid, slot, incarnation)) for slot in count())
        name = next(each for each in tries if each not in used | given | situation.foreign)
        given.add(name)
        yield name


def _random(pool_uid: str, slot: int, incarnation: int) -> str:
    digest = hashlib.sha256(f"{pool_uid}/{slot}/{incarnation}".encode()).digest()
    return base64.b32encode(digest).decode()[:SHORT].lower()
