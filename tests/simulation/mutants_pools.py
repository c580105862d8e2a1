"""Small faults planted in what is written for MachinePools; each must be found, as those of `mutants.py`."""

from collections.abc import Mapping

from tests.simulation.mutants import Mutant


def _mutant(module: str, right: str, wrong: str, *faults: str) -> Mutant:
    return Mutant(f"hostwright.{module}", right, wrong, frozenset({"pool", *faults}))


POOLS: Mapping[str, Mutant] = {
    "count members from a stale list": _mutant(
        "engine.members",
        "members=recall.expected.applied(sorted(seen, key=lambda member: member.name)),",
        "members=tuple(sorted(seen, key=lambda member: member.name)),",
        "old watch",
    ),
    "exceed maxSurge": _mutant(
        "kinds.machinepool.decide",
        "more = min(situation.surge, behind) if plan.rolling else 0",
        "more = behind if plan.rolling else 0",
    ),
    "fall below maxUnavailable": _mutant(
        "kinds.machinepool.decide",
        "        if not room.spares(member):\n            continue\n        if not available",
        "        if not available",
    ),
    "announce no births": _mutant(
        "engine.pools",
        'status = {**(pool.body.get("status") or {}), "births": births[-1].incarnation}',
        'status = pool.body.get("status") or {}',
    ),
    "give a name its old machine id": _mutant("kinds.machinepool.naming", 'f"{name}/{incarnation}"))', 'f"{name}/1"))'),
    "take a name without a look": _mutant(
        "engine.pools",
        "        if found is not None:\n            if _is_ours(found, pool):\n",
        "        if False:\n            if _is_ours(found, pool):\n",
        "old watch",
        "deaf watch",
    ),
    "delete a protected member": _mutant(
        "engine.members", 'return refused or bool((body.get("spec") or {}).get("deletionProtection"))', "return refused"
    ),
    "roll out while paused": _mutant(
        "kinds.machinepool.decide",
        "return situation.paused or situation.strategy is Strategy.ON_DELETE",
        "return situation.strategy is Strategy.ON_DELETE",
    ),
    "act for a pool that is held": _mutant(
        "kinds.machinepool.decide",
        "return situation.deleting or situation.held is not None or situation.failure is not None",
        "return situation.deleting or situation.failure is not None",
    ),
}
