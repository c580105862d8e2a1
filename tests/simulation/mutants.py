"""Small faults planted in our own code, one at a time: a simulation that does not find them proves nothing."""

import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Mutant:
    """`right` stands exactly once in the module; `wrong` takes its place. `faults` are those that should show it.

    `rule` matches the beginning of what the judge then says: who dies of something else was not found.
    """

    module: str
    right: str
    wrong: str
    rule: str
    faults: frozenset[str]
    seeds: int = 80  # among which it is found; more where its moment is rare

    def shows(self, violation: str) -> bool:
        return bool(violation) and re.match(f"({self.rule})\\b", violation) is not None


def _mutant(module: str, right: str, wrong: str, rule: str, *faults: str, seeds: int = 80) -> Mutant:
    return Mutant(f"hostwright.{module}", right, wrong, rule, frozenset(faults), seeds)


MUTANTS: Mapping[str, Mutant] = {
    "drop the intent": _mutant(
        "engine.act",
        "    opens = call.repeat is Repeat.INTENT or first or doubted or half or again\n",
        "    opens = False\n",
        "S5",
    ),
    "act by a status that may be another by now": _mutant(
        "engine.act",
        "    doubted = recall.behind and call.repeat is Repeat.FENCED\n",
        "    doubted = False\n",
        "S5|2.6",
        "fenced",
        "cut",
        "old watch",
        "vanish",
        seeds=400,
    ),
    "drop the quiet time": _mutant(
        "engine.recall",
        "return Quiet(self.first_seen[operation.key], _length(operation) + lag)",
        "return Quiet(self.first_seen[operation.key], 0.0)",
        "S1",
        "cut",
        "late",
        "lists lag",
        "unfenced",
    ),
    "count the quiet time from startedAt": _mutant(
        "engine.recall",
        "return Quiet(self.first_seen[operation.key], _length(operation) + lag)",
        "return Quiet(operation.started_at.timestamp() - 1767225600.0 + 1000.0, _length(operation) + lag)",
        "S1",
        "cut",
        "late",
        "skew",
        "unfenced",
    ),
    "adopt by name alone": _mutant(
        "providers.simulated.machines", "if holder.mark != request.mark:", "if False:", "S3", "squat", "fenced"
    ),
    "lose the precondition": _mutant(
        "engine.report",
        '{"metadata": {"resourceVersion": body["metadata"]["resourceVersion"]}, "status": patch}',
        '{"metadata": {}, "status": patch}',
        "S18",
        "old watch",
        "deaf watch",
        "stop",
        "operators",
    ),
    "accept a copied machine id": _mutant(
        "engine.identity", "    if rival is not None:\n", "    if False:\n", "1.2|S2", "copy"
    ),
    "act while paused": _mutant(
        "kinds.virtualmachine.decide",
        "    if situation.paused is not None:\n        return _paused(situation)\n    if expired",
        "    if expired",
        "S19",
        "pause",
        "power",
    ),
    "write a status without a change": _mutant(
        "engine.report", "    if not patch:\n        return None\n", "", "a status write"
    ),
    "delete what only bears our mark": _mutant(
        "kinds.virtualmachine.extras",
        "    if twin.name != trace.name:\n        return False\n",
        "    return True\n",
        "S3",
        "clone",
    ),
    "forget the finalizer": _mutant(
        "engine.identity", "    if FINALIZER not in finalizers:\n", "    if False:\n", "S5"
    ),
    "delete what is to be retained": _mutant(
        "kinds.virtualmachine.leaving",
        "    if situation.deletion_policy is DeletionPolicy.RETAIN:\n",
        "    if False:\n",
        "S19",
        "retain",
    ),
    "create after the deletion": _mutant(
        "kinds.virtualmachine.decide",
        "    if situation.deleting_since is not None:\n        return leave(situation)\n",
        "    if situation.deleting_since is not None and situation.trace.ledger:\n        return leave(situation)\n",
        "S20|a defect: TypeError: a machine is made",
        "quota",
        "delete",
        "make",
    ),
    "make a lost machine again": _mutant(
        "kinds.virtualmachine.absent",
        "        return replacing.gone(situation) or lost(situation)\n    if situation.trace",
        "        return _create(situation)\n    if situation.trace",
        "2.6|S5",
        "vanish",
    ),
    "trust an empty list": _mutant(
        "providers.simulated.machines",
        'return Unsure("no machine of ours is listed on the simulated site", as_of)',
        "return Missing(as_of)",
        "S10|S1",
        "lists lag",
        "log in",
    ),
    "trust a page that ended early": _mutant(
        "providers.simulated.inventory",
        "        while page.more:\n",
        "        while False:\n",
        "1.3|S1|S6|S10",
        "short pages",
        "strip",
        "log in",
    ),
    "take a lost reply for a refusal": _mutant(
        "engine.act",
        "    if isinstance(failure, Ambiguous):\n        recall.receipts",
        "    if False:\n        recall.receipts",
        "S1",
        "lost",
        "cut",
        "lists lag",
        "unfenced",
    ),
    "send a creation again on a 5xx": _mutant(
        "providers.simulated.machines",
        "                return await self._send(call, user_data)\n",
        "                try:\n                    return await self._send(call, user_data)\n"
        "                except Refused as refusal:\n                    if refusal.status < 500:\n"
        "                        raise\n                    return await self._send(call, user_data)\n",
        "S1",
        "fails",
        "unfenced",
    ),
    "ignore as of when a look was": _mutant(
        "providers.simulated.plan",
        'return as_of + STAMPING < memory.receipts.get(row, float("-inf"))',
        "return False",
        "2.5",
        "lost",
        "fails",
    ),
    "ignore a machine of our own name": _mutant("engine.claim", "    if not twin:\n", "    if True:\n", "1.3", "strip"),
    "skip the ledger": _mutant("engine.ledger", "    for row in made:\n", "    for row in ():\n", "S4", "crash"),
    "delete while paused": _mutant(
        "kinds.virtualmachine.leaving", "    if situation.paused is not None:\n", "    if False:\n", "S19", "pause"
    ),
    "act after the Lease is gone": _mutant(
        "engine.act", "    try:\n        tools.gate.check()\n", "    try:\n", "S8", "stop", "slow", "operators"
    ),
    "delete a marked clone": _mutant(
        "kinds.virtualmachine.extras",
        "    return twin.created_at is not None and any(",
        "    return True or any(",
        "S3",
        "twin",
        "unfenced",
    ),
    "delete what a status written by hand names": _mutant(
        "core.port",
        "        if row is None or mark == self.mark:\n            return None\n",
        "        return None\n",
        "S10",
        "forge",
        "forge and delete",
    ),
    "delete whatever bears our mark": _mutant(
        "kinds.virtualmachine.leaving",
        "    strangers = {twin.id for twin in verdict.strangers}\n    rows = [part for part",
        "    strangers = set()\n    rows = [part for part",
        "S3",
        "clone",
        "vanish",
    ),
    "take an outage for absence": _mutant(
        "engine.proof",
        "            return _unanswered(tools, view, recall, failure, connection)\n",
        "            look = Missing(began)\n",
        "S6|S10|S1",
        "odd answers",
        "site away",
    ),
    "take a 403 for gone": _mutant(
        "providers.simulated.rows",
        "return self.status == HTTPStatus.NOT_FOUND and self.problem.code == Code.NOT_FOUND",
        "return self.status in (403, 404)",
        "S6|S10|S1",
        "odd answers",
    ),
    "take a proxy's 404 for gone": _mutant(
        "providers.simulated.rows",
        "return self.status == HTTPStatus.NOT_FOUND and self.problem.code == Code.NOT_FOUND",
        "return self.status == HTTPStatus.NOT_FOUND",
        "S6|S10|S1",
        "odd answers",
    ),
    "read the power from the wish": _mutant(
        "providers.simulated.translate",
        "Power.ON if machine.powered_on else Power.OFF",
        "Power.ON",
        ".* is powered",
        "power",
    ),
    "destroy by a list alone": _mutant(
        "engine.carry",
        "case Call() as call if call.destructive and not proven:",
        "case Call() as call if False:",
        "S10",
        "builds fail",
        "builds slow",
        "lists lag",
    ),
    "send on and on what is so already": _mutant(
        "providers.simulated.machines",
        "                await self._inventory.prove(call.arguments.id)\n",
        "",
        "L2",
        "lists lag",
        "power",
    ),
    "let go without a proof": _mutant(
        "kinds.virtualmachine.leaving",
        "    if situation.proven:\n        match situation.look:\n",
        "    if not situation.trace.ledger:\n        return _released(situation, Reason.DELETED, '')\n"
        "    if situation.proven:\n        match situation.look:\n",
        "S6",
        "wipe",
        "restore",
        "site away",
        "deaf watch",
        "end",
    ),
}


class _Planted(importlib.abc.SourceLoader):
    def __init__(self, mutant: Mutant, path: str) -> None:
        self._mutant, self._path = mutant, path

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str) -> bytes:
        with open(path, "rb") as file:  # noqa: PTH123 - importlib gives a text
            source = file.read()
        if not path.endswith(".py"):
            raise OSError("no byte code of what is not planted")
        right = self._mutant.right.encode()
        if source.count(right) != 1:
            raise LookupError(f"{self._mutant.right!r} stands {source.count(right)} times in {self._mutant.module}")
        return source.replace(right, self._mutant.wrong.encode())


class Planting(importlib.abc.MetaPathFinder):
    """Before anything of ours is imported: the one module comes with its fault."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant, self.planted = mutant, False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if found is None or found.origin is None:
            return None
        self.planted = True
        loader: Any = _Planted(self.mutant, found.origin)
        return importlib.util.spec_from_loader(fullname, loader, origin=found.origin)


def plant(mutant: Mutant) -> None:
    if any(module == "hostwright" or module.startswith("hostwright.") for module in sys.modules):
        raise RuntimeError("ours is imported already: nothing can be planted")
    sys.meta_path.insert(0, Planting(mutant))
