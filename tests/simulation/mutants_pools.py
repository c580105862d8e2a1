"""Small faults planted in what is written for MachinePools; each must be found, as those of `mutants.py`."""

from collections.abc import Mapping

from tests.simulation.mutants import Mutant


def _mutant(module: str, right: str, wrong: str, rule: str, *faults: str) -> Mutant:
    return Mutant(f"hostwright.{module}", right, wrong, rule, frozenset({"pool", *faults}))


POOLS: Mapping[str, Mutant] = {
    "count members from a stale list": _mutant(
        "engine.members",
        "members=recall.expected.applied(sorted(seen, key=lambda member: member.name)),",
        "members=tuple(sorted(seen, key=lambda member: member.name)),",
        "S14",
        "old watch",
    ),
    "exceed maxSurge": _mutant(
        "kinds.machinepool.decide",
        "more = min(situation.surge, behind) if plan.rolling else 0",
        "more = behind if plan.rolling else 0",
        "S14",
        "roll out",
        "scale",
        "make a pool",
    ),
    "fall below maxUnavailable": _mutant(
        "kinds.machinepool.decide",
        "        if not room.spares(member):\n            continue\n        if not available",
        "        if not available",
        "S14",
    ),
    "announce no births": _mutant(
        "engine.pools",
        'status = {**(pool.body.get("status") or {}), "births": births[-1].incarnation}',
        'status = pool.body.get("status") or {}',
        "10.2",
    ),
    "give a name its old machine id": _mutant(
        "kinds.machinepool.naming", 'f"{name}/{incarnation}"))', 'f"{name}/1"))', "10.2"
    ),
    "take a name without a look": _mutant(
        "engine.pools",
        "        if found is not None:\n            if _is_ours(found, pool):\n",
        "        if False:\n            if _is_ours(found, pool):\n",
        "10",
        "old watch",
        "squat a member's name",
        "delete a member",
        "lost",
    ),
    "delete a protected member": _mutant(
        "engine.members",
        'return refused or bool((body.get("spec") or {}).get("deletionProtection"))',
        "return refused",
        "10.5",
        "protect a member",
        "scale",
    ),
    "roll out while paused": _mutant(
        "kinds.machinepool.decide",
        "return situation.paused or situation.strategy is Strategy.ON_DELETE",
        "return situation.strategy is Strategy.ON_DELETE",
        "S19|S14",
        "pause the rollout",
        "roll out",
    ),
    "act for a pool that is held": _mutant(
        "kinds.machinepool.decide",
        "return situation.deleting or situation.held is not None or situation.failure is not None",
        "return situation.deleting or situation.failure is not None",
        "S19",
    ),
}
