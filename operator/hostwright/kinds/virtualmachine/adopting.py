"""A machine that was there before us: which one is meant, that it is bound once, and what hangs on it."""

from collections.abc import Iterator
from dataclasses import replace

from hostwright.core.decision import Decision, Note
from hostwright.core.errors import (
    Failure,
    ImportAmbiguous,
    ImportConflict,
    ImportNotFound,
    InvalidConfiguration,
    OwnershipMismatch,
)
from hostwright.core.names import Reason
from hostwright.core.port import LedgerRow, OperationType, Ownership, Present, Trace
from hostwright.kinds.virtualmachine import disks, say
from hostwright.kinds.virtualmachine.port import ROOT, Found, InterfaceShape, Life, Look, Mark, Step, Twin, Wanted
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.kinds.virtualmachine.situation import Situation
from hostwright.kinds.virtualmachine.values import ImportPolicy
from hostwright.kinds.virtualmachine.verdict import blocked

#: Key of status.handled: the id of the machine that was bound. One that is made in its place later is not sought.
IMPORT = "import"
#: Seconds until a machine that is not there is looked for again.
LOOK_AGAIN = 60.0
#: So many ids are named in a message.
NAMED = 5


def asked(situation: Situation) -> bool:
    """Until one is bound: from then on the ledger says which machine it is."""
    return (
        situation.spec.import_ is not None and not situation.begun and not (situation.status.handled or {}).get(IMPORT)
    )


def bind(situation: Situation) -> Decision[Step] | None:
    """Only on the backend's own word, since a list may lack the second of two. None: there is none, and one is made."""
    if not situation.backend.synced:
        words = say.working(Reason.WAITING, "waiting for the first full look at the Provider")
        return Decision(said=words, phase=situation.phase, look_again=2.0)
    if not situation.proven:
        return Decision(needs_proof="which machine is to be imported", phase=situation.phase)
    found = situation.candidates
    if len(found) > 1:
        return blocked(situation, _ambiguous(found), look_again=LOOK_AGAIN)
    if not found and (isinstance(situation.look, Present) or _may_create(situation)):
        return None  # with our mark already: it was made for this object, and its status was lost
    if not found:
        return blocked(situation, _nowhere(situation), look_again=LOOK_AGAIN)
    twin = found[0]
    rivals = tuple(mark for mark in twin.marks if mark != situation.trace.mark)
    if rivals or situation.candidate_of:
        return blocked(situation, _taken(twin, rivals, situation.candidate_of), look_again=LOOK_AGAIN)
    return _bound(situation, twin)


def _may_create(situation: Situation) -> bool:
    wish = situation.spec.import_
    return wish is not None and wish.policy is ImportPolicy.ADOPT_OR_CREATE


def _bound(situation: Situation, twin: Twin) -> Decision[Step]:
    row = LedgerRow("server", twin.id, ownership=Ownership.ADOPTED)
    return replace(_recorded(situation, twin.id, f"{twin.name} ({twin.id}) is this object's machine now"), adopt=(row,))


def _recorded(situation: Situation, machine: str, text: str) -> Decision[Step]:
    """A restart or rebuild that was asked for before it was ours is none of its."""
    tokens = {"restartedAt": situation.spec.restarted_at or "", "rebuildToken": situation.spec.rebuild_token or ""}
    return Decision(
        said=say.working(Reason.IMPORTING, text),
        phase=situation.phase,
        status={"handled": {**(situation.status.handled or {}), **tokens, IMPORT: machine}},
        notes=(Note(Reason.IMPORTED, text, machine),),
        look_again=0.0,
    )


def unrecorded(situation: Situation) -> Decision[Step] | None:
    """It was bound, and the status that said so was refused, as the object had been edited: the row alone was kept."""
    server, wish = situation.trace.row("server"), situation.spec.import_
    if server is None or not situation.trace.imported:
        return None
    stray = astray(situation)
    if stray is not None or (situation.status.handled or {}).get(IMPORT) == server.id:
        return stray
    if wish is not None and wish.filter is not None:
        if not situation.proven:
            return Decision(needs_proof="whether the machine is as import says", phase=situation.phase)
        if server.id not in {twin.id for twin in situation.candidates}:
            return _unbound(situation, server)
    return _recorded(situation, server.id, f"{server.id} is this object's machine now")


def astray(situation: Situation) -> Decision[Step] | None:
    """A row says that something was imported which import does not name: by hand, or import was edited meanwhile."""
    server, wish, look = situation.trace.row("server"), situation.spec.import_, situation.look
    if server is None or not situation.trace.imported or (wish is not None and wish.id in {None, server.id}):
        return None
    known = (situation.status.handled or {}).get(IMPORT) == server.id
    marked = isinstance(look, Present) and any(twin.id == server.id for twin in look.found.twins)
    return None if known and marked else _unbound(situation, server)


def _unbound(situation: Situation, server: LedgerRow) -> Decision[Step]:
    """Which one is meant is asked anew. A port that was only used leaves with it."""
    text = (
        f"status.resources names {server.id} as imported, and import does not ask for it: "
        "it is not this object's machine, and is left alone"
    )
    ports = (row.name for row in situation.trace.ledger if row.name.startswith("port/") and not row.says_ours)
    handled = {key: value for key, value in (situation.status.handled or {}).items() if key != IMPORT}
    return Decision(
        forget=("server", *ports),
        phase=situation.phase,
        status={"handled": handled},
        notes=(Note(OwnershipMismatch.__name__, text, server.id, warning=True),),
        look_again=0.0,
    )


def meant(spec: VirtualMachineSpec, candidates: tuple[Twin, ...], look: Look, trace: Trace) -> tuple[Twin, ...]:
    """What bears our mark goes before what a filter finds: it was bound, or made, and the status was lost since."""
    if spec.import_ is None or spec.import_.filter is None or not isinstance(look, Present):
        return candidates
    marked = tuple(twin for twin in look.found.twins if twin.life is not Life.DELETING)
    if any(twin.name == trace.name for twin in marked):
        return ()  # made for this object, where none was found
    named = {twin.id for twin in candidates}
    return tuple(twin for twin in marked if twin.id in named) or marked or candidates


def _described(situation: Situation) -> str:
    sought = situation.trace.sought
    if sought is None or sought.id:
        return f"id {sought.id}" if sought is not None else "what import says"
    parts = [f"the name {sought.name!r}"] if sought.name else []
    parts += [f"the tags {', '.join(sought.tags)}"] if sought.tags else []
    return " and ".join(parts)


def _nowhere(situation: Situation) -> Failure:
    return ImportNotFound(
        f"no machine with {_described(situation)} is in the project of Provider {situation.spec.provider_ref.name!r}. "
        "Correct import, or set its policy to AdoptOrCreate to have one made."
    )


def _ambiguous(found: tuple[Twin, ...]) -> Failure:
    ids = ", ".join(f"{twin.name} ({twin.id})" for twin in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ImportAmbiguous(f"{len(found)} machines are as import says: {ids}{more}. Name one by its id.")


def _taken(twin: Twin, rivals: tuple[str, ...], holder: str) -> Failure:
    whose = holder or (f"VirtualMachine {twin.namespace}/{twin.object_name}" if twin.object_name else "another object")
    marks = f" (its mark is {', '.join(rivals)})" if rivals else ""
    return ImportConflict(
        f"{twin.name} ({twin.id}) is the machine of {whose}{marks}. Delete that object with deletionPolicy Retain, "
        "or, where it is no more, take the mark off the machine's tags; or import another machine."
    )


def first(situation: Situation, wanted: Wanted, found: Found) -> Decision[Step] | None:
    """What comes before anything is compared with it: what hangs on it, and our mark."""
    if not situation.trace.imported:
        return None
    misfits = _misfits(situation, wanted, found)
    if misfits:
        return Decision(forget=misfits, phase=situation.phase, look_again=0.0)
    taken = _taken_up(situation, wanted, found)
    if taken and not situation.proven:  # by an old list, what was unplugged since, or is another's by now
        return Decision(needs_proof="what hangs on the imported machine", phase=situation.phase)
    if taken:
        return Decision(adopt=taken, phase=situation.phase, look_again=0.0)
    there = {item.name for item in found.interfaces}
    lacking = any(item.name not in there for item in wanted.shape.interfaces)
    compared = situation.told and situation.status.resolved is not None
    if lacking and not situation.proven and not (situation.observe_only and compared):
        return Decision(needs_proof="which ports the imported machine has", phase=situation.phase)
    server, hidden = situation.trace.row("server"), _may_be_hidden(wanted, found)
    if hidden and not situation.observe_only and not managed_once(situation):
        return replace(
            blocked(situation, InvalidConfiguration(hidden), look_again=LOOK_AGAIN), phase=say.phase_of(found)
        )
    if situation.observe_only or server is None or not bare(situation, found) or managed_once(situation):
        return None
    return Decision(
        step=Mark(server),
        operation=OperationType.UPDATE,
        said=(*say.working(Reason.IMPORTING, f"marking {server.id} as ours"), *say.present(found)),
        phase=say.phase_of(found),
    )


def _may_be_hidden(wanted: Wanted, found: Found) -> str:
    """No other port is made for an interface that may be one which is there, and is not ours to use."""
    there = {item.name for item in found.interfaces}
    for port in (port for port in found.loose if not port.network):
        for wish in (item for item in wanted.shape.interfaces if item.name not in there):
            if _is_it(replace(wish, network=""), port):
                return (
                    f"interface {wish.name!r} may be the port {port.mac_address} ({', '.join(port.addresses)}) of the "
                    "imported machine, which lies in another project or bears another machine's mark. Name another "
                    "port by its macAddress, or leave the interface out."
                )
    return ""


def bare(situation: Situation, found: Found) -> bool:
    """Whether the machine itself bears no mark."""
    server = situation.trace.row("server")
    return server is not None and any(row.id == server.id for row in found.unmarked)


def managed_once(situation: Situation) -> bool:
    """From then on a difference is a change or drift, and a mark that is not there was taken off."""
    resolved = situation.status.resolved
    return resolved is not None and resolved.power_state is not None


def _misfits(situation: Situation, wanted: Wanted, found: Found) -> tuple[str, ...]:
    """While it was only ever observed its manifest is being corrected: where one fits no more, all are matched anew."""
    if not situation.observe_only or managed_once(situation):
        return ()
    rows = [row for row in situation.trace.ledger if row.ownership is Ownership.REFERENCED]
    wishes, has = ({item.name: item for item in each.shape.interfaces} for each in (wanted, found))
    ports = {row.name: row.name.partition("/")[2] for row in rows if row.name.startswith("port/")} if wishes else {}
    fit = all(name in wishes and (name not in has or _is_it(wishes[name], has[name])) for name in ports.values())
    named = {f"volume/{disk.name}": disk.id for disk in wanted.shape.disks}
    data = [row for row in rows if row.name.startswith("volume/") and row.name != f"volume/{ROOT}"]
    return (*(() if fit else ports), *(row.name for row in data if named.get(row.name) != row.id))


def rival(found: Found) -> Failure:
    return ImportConflict(
        f"the imported machine {found.id} bears the mark of another object or operator too: {', '.join(found.rivals)}. "
        "Nothing is done to it. Let one of the two go, with deletionPolicy Retain."
    )


def _taken_up(situation: Situation, wanted: Wanted, found: Found) -> tuple[LedgerRow, ...]:
    """Ports, the root volume and named volumes that were there: the machine's, and not ours to delete."""
    there = {item.name for item in found.interfaces}
    missing = [item for item in wanted.shape.interfaces if item.name not in there]
    rows = [
        LedgerRow(f"port/{name}", port, ownership=Ownership.REFERENCED) for name, port in _matched(missing, found.loose)
    ]
    rows += disks.taken_up(situation, wanted, found)
    known = situation.trace.row(f"volume/{ROOT}") is not None
    root = [] if known else [disk for disk in found.loose_disks if disk.name == ROOT]
    rows += [LedgerRow(f"volume/{ROOT}", disk.id, ownership=Ownership.REFERENCED) for disk in root[:1]]
    return tuple(rows)


def _matched(wishes: list[InterfaceShape], loose: tuple[InterfaceShape, ...]) -> Iterator[tuple[str, str]]:
    """(interface, port): what a wish names of a port decides, then the first on its network."""
    free = list(loose)
    for wish in sorted(wishes, key=lambda item: (not item.mac_address, not item.addresses)):
        fits = [port for port in free if _is_it(wish, port)]
        if fits:
            free.remove(fits[0])
            yield wish.name, fits[0].name


def _is_it(wish: InterfaceShape, port: InterfaceShape) -> bool:
    """One that has another address is another port; what it lacks besides is changed, or told."""
    if wish.network != port.network:
        return False
    if wish.mac_address:
        return wish.mac_address == port.mac_address
    return not wish.addresses or bool(set(wish.addresses) & set(port.addresses))
