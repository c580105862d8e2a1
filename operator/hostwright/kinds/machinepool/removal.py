"""Who goes first."""

import hashlib
from collections.abc import Iterable

from hostwright.kinds.machinepool.naming import ordinal
from hostwright.kinds.machinepool.situation import Member, Situation
from hostwright.kinds.machinepool.values import Order


def in_order(situation: Situation, members: Iterable[Member], outdated: frozenset[str]) -> list[Member]:
    """`delete-machine`, then not ready, then not up to date, then `deletion.order`; `do-not-disrupt` last."""
    placed = _placed(situation, members)
    return sorted(
        placed,
        key=lambda member: (
            member.do_not_disrupt,
            not member.delete_first,
            member.ready is True,
            member.uid not in outdated,
        ),
    )


def _placed(situation: Situation, members: Iterable[Member]) -> list[Member]:
    named = sorted(members, key=lambda member: member.name)
    match situation.order:
        case Order.NEWEST:
            return sorted(named, key=lambda member: _age(situation, member), reverse=True)
        case Order.OLDEST:
            return sorted(named, key=lambda member: _age(situation, member))
        case Order.RANDOM:  # the same at every look
            return sorted(named, key=lambda member: hashlib.sha256(member.uid.encode()).hexdigest())
        case Order.ORDINAL:
            return sorted(named, key=lambda member: -ordinal(member.name, situation.naming, situation.pool))


def _age(situation: Situation, member: Member) -> tuple[str, int]:
    """Kubernetes tells a creation to the second: among those of one second the number says more."""
    return member.born, ordinal(member.name, situation.naming, situation.pool)
