"""How all has to be once it has come to rest: one machine for each object, as wished, and none beside."""

from typing import TYPE_CHECKING

from tests.simulation import judge_anew
from tests.simulation.bodies import cannot_run, is_to_expire

from hostwright.engine.labels import propagated

if TYPE_CHECKING:
    from tests.simulation.judge import Judge
    from tests.simulation.world import World


def at_rest(world: "World") -> list[str]:
    """What is not yet as it should be; empty: all is."""
    pools = world.pools
    wrong = pools.judge.at_rest() if pools is not None else []
    wrong += world.metal.judge.at_rest() if world.metal is not None else []
    wrong += ["a watch was not compared since it was deaf"] if world.api.missed else []
    for key, body in world.api.objects.items():
        if key.kind not in {"VirtualMachine", "Provider"} or cannot_run(body):
            continue
        if is_to_expire(body):
            wrong.append(f"{key} is to expire")
        status, ready = body.get("status") or {}, world.api.condition(key, "Ready")
        if ready.get("status") != "True":
            wrong.append(f"{key} is not Ready: {ready.get('reason')} {ready.get('message')}")
        elif status.get("observedGeneration") != body["metadata"]["generation"] or status.get("operation"):
            wrong.append(f"{key} has work to do")
    return wrong


def last(judge: "Judge") -> None:
    """One machine for each object, as wished, and none beside."""
    if judge.world.pools is not None:
        judge.world.pools.judge.last()
    if judge.world.metal is not None:
        judge.world.metal.judge.last()
    if judge.world.cloud is not None:
        judge.world.cloud.judge.last()
    machines = judge.world.hands.machines
    wished = {
        key: body
        for key, body in judge.world.api.objects.items()
        if key.kind == "VirtualMachine" and not cannot_run(body)
    }
    held: set[str] = set()
    for key, body in wished.items():
        ids = [row["id"] for row in body["status"].get("resources") or () if row["name"] == "server"]
        judge.expect(len(ids) == 1 and ids[0] in machines, f"the ledger of {key} says {ids}")
        held |= set(ids)
        for row in (machines[item] for item in ids if item in machines):
            on = body["spec"].get("powerState", "PoweredOn") == "PoweredOn"
            judge.expect(row.powered_on is on, f"{key} is powered {row.powered_on}, wished {on}")
            said = body["status"].get("powerState") == ("PoweredOn" if row.powered_on else "PoweredOff")
            judge.expect(said, f"S17: the status of {key} says {body['status'].get('powerState')}")
            wanted = {**propagated(body), **body["spec"].get("tags", {})}
            wrong = {k: v for k, v in wanted.items() if row.tags.get(k) != v}
            judge.expect(not wrong, f"{key} has tags {row.tags}")
            judge.expect(row.mark != "", f"{key} bears no mark")
            judge_anew.last(judge, key, body, row.ssh_keys)
    beside = {
        item
        for item, row in machines.items()
        if item not in held | judge.strange | judge.let_go
        and not judge.untold(row)
        and row.mark.rpartition(":")[2] not in judge.stripped
    }
    judge.expect(not beside, f"machines that are nobody's: {sorted(item[:8] for item in beside)}")
    if judge.broken is not None:
        raise judge.broken
