"""How people tidy up at the end, and do what a message asks of them."""

from tests.engine.apiserver import copied
from tests.simulation.bodies import machine_id_of
from tests.simulation.people import COPY, People

from hostwright.engine.ports import Body, Key


def tidy_up(people: People) -> None:
    """The faults end; copies go, pauses end, and no quota stands in the way."""
    world = people.world
    people.join()
    world.hands.calm()
    world.hands.behaves(page_size=1000, quota_machines=None, build_seconds=1.0)
    people.go_on()
    if world.pools is not None:
        world.pools.tidy_up()
    if world.metal is not None:
        world.metal.tidy_up()
    if COPY in world.api.objects:
        world.api.delete(COPY)


def give_up(people: People) -> None:
    """Nothing is wanted any more."""
    for key, body in list(people.world.api.objects.items()):
        if key.kind in {"MachinePool", "VirtualMachine"} and not body["metadata"].get("deletionTimestamp"):
            people.world.api.delete(key)


def help_out(people: People) -> None:
    """What a message asks a person to do is done."""
    world = people.world
    if world.pools is not None:
        world.pools.help()
    if world.metal is not None:
        world.metal.help()
    if world.cloud is not None:
        world.cloud.people.help()
    for key, body in list(world.api.objects.items()):
        if key.kind == "VirtualMachine":
            _unforge(people, key, body)
        if key.kind != "VirtualMachine" or body["metadata"].get("deletionTimestamp"):
            continue
        reason = world.api.condition(key, "Ready").get("reason")
        if reason in {"MachineDeletedExternally", "MachineFailed"}:
            world.api.delete(key)  # "Delete this object and apply it again"
        elif reason == "MachineExists":
            _remove_namesake(people, key)
        elif reason == "OwnershipConflict":
            world.api.delete(key)
    if any(world.api.condition(key, "Ready").get("reason") == "OwnershipMismatch" for key in world.api.objects):
        for row in list(world.hands.machines.values()):
            if row.id in world.judge.strange and world.hands.is_clone(row.id):
                world.hands.tamper(row, mark="")
            elif row.id in world.judge.strange or row.mark.rpartition(":")[2] in world.judge.stripped:
                world.hands.vanish(row)


def _unforge(people: People, key: Key, body: Body) -> None:
    """What keeps a deletion, or stands for a machine that is gone, and is told is taken out of the status again.

    In every second seed nothing else is: beside a row by hand an object finds its own machine by itself.
    """
    mark = machine_id_of(body).replace("-", "")
    there = any(row.mark.endswith(f":{mark}") for row in people.world.hands.machines.values())
    if people.world.drawn.seed % 2 and there and not body["metadata"].get("deletionTimestamp"):
        return
    told = people.world.api.condition(key, "Ready").get("reason") == "OwnershipMismatch"
    rows = (body.get("status") or {}).get("resources") or []
    left = [row for row in rows if row["id"] not in people.world.judge.forged.get(key, set())]
    if told and left != rows:
        mended = copied(body)
        mended["status"]["resources"] = left
        people.world.api._store(key, mended, "MODIFIED")


def _remove_namesake(people: People, key: Key) -> None:
    world = people.world
    for row in list(world.hands.machines.values()):
        if row.object_name == key.name:  # a copy of theirs, too: the message says "Remove it"
            world.hands.vanish(row)
