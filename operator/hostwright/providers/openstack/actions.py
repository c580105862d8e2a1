"""What became of what was done with a server: Nova's own record, read once for each trouble, and power that bounced."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hostwright.providers.openstack.client import Client
from hostwright.providers.openstack.errors import RAISED
from hostwright.providers.openstack.rows import Action, Server
from hostwright.providers.openstack.seen import SeenServer, Told, server_marks

#: Verb → the status in which the server is to come to rest.
POWERS: Mapping[str, str] = {"start": "ACTIVE", "resume": "ACTIVE", "stop": "SHUTOFF", "suspend": "SUSPENDED"}
#: Status that somebody brought a server into → the actions that lead there, as Nova names them; none: any.
_LEADS: Mapping[str, tuple[str, ...]] = {
    "ERROR": (),
    "PAUSED": ("pause",),
    "SHELVED": ("shelve",),
    "SHELVED_OFFLOADED": ("shelve", "shelveOffload"),
    "RESCUE": ("rescue",),
    "VERIFY_RESIZE": ("resize", "migrate"),
}
_LOCKED, _BOUNCED = "locked", "bounced"
#: Servers asked for with one read: when a host fails, all of its servers turn at once.
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class _Sent:
    verb: str
    at: float
    rested: str = ""  # the status in which the server was found at rest again, where that is another than the wished
    updated: str = ""  # when Nova had changed the server last by then


class Actions:
    """One for each inventory."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._read: dict[str, tuple[str, Action | None]] = {}  # server → (its trouble, what led there)
        self._sent: dict[str, _Sent] = {}  # server → the change of power that Nova accepted last

    def sent(self, server: str, verb: str, at: float) -> None:
        """Nova accepted a change of power."""
        before = self._sent.get(server)
        same = before is not None and before.verb == verb
        self._sent[server] = _Sent(verb, at, before.rested if before is not None and same else "")

    def of(self, seen: SeenServer) -> Told:
        """What is known of it now."""
        server = seen.row
        undone = self._undone(seen)
        trouble, action = self._read.get(server.id, ("", None))
        if trouble != _trouble(server, undone):
            return Told(undone=undone)
        request = action.request_id if action is not None else ""
        return Told(request, _words(action), undone)

    async def learn(self, servers: Iterable[SeenServer]) -> Sequence[str]:
        """Ask for what led to the troubles that are new; whose became known."""
        wanted: dict[str, tuple[str, tuple[str, ...]]] = {}
        for seen in servers:
            trouble = _trouble(seen.row, self._undone(seen))
            if not trouble:
                self._read.pop(seen.row.id, None)
            elif self._read.get(seen.row.id, ("", None))[0] != trouble and server_marks(seen):
                wanted[seen.row.id] = (trouble, self._leads(seen.row.id, trouble))
        asked = list(wanted.items())[:AT_ONCE]
        found = await asyncio.gather(*(self._ask(item, names) for item, (_, names) in asked))
        for (item, (trouble, _)), action in zip(asked, found, strict=True):
            self._read[item] = (trouble, action)
        return [item for item, _ in asked]

    def _leads(self, server: str, trouble: str) -> tuple[str, ...]:
        if trouble == _BOUNCED:
            return (self._sent[server].verb,)
        return ("lock",) if trouble == _LOCKED else _LEADS[trouble]

    async def _ask(self, server: str, names: tuple[str, ...]) -> Action | None:
        """Whoever runs the cloud may keep the record from users, and nothing depends on it."""
        try:
            return await self._client.action(server, *names)
        except RAISED:
            return None

    def _undone(self, seen: SeenServer) -> str:
        sent, status = self._sent.get(seen.row.id), seen.row.status
        if sent is None:
            return ""
        if seen.as_of <= sent.at or (seen.row.moving and status in {sent.rested, "ACTIVE", "SHUTOFF"}):
            return _bounced(seen.row.id, sent)
        touched = sent.updated and seen.row.updated != sent.updated
        if status == POWERS[sent.verb] or (sent.rested and (status != sent.rested or touched)):
            del self._sent[seen.row.id]  # reached, or something else was done with it
            return ""
        if seen.row.moving:
            return ""
        sent = self._sent[seen.row.id] = replace(sent, rested=status, updated=seen.row.updated)
        return _bounced(seen.row.id, sent)


def _trouble(server: Server, undone: str) -> str:
    """One word for what is asked about; empty: nothing is."""
    if server.status in _LEADS and not server.task:
        return server.status
    if server.locked:
        return _LOCKED
    return _BOUNCED if undone else ""


def _bounced(server: str, sent: _Sent) -> str:
    if not sent.rested:
        return ""
    return (
        f"Nova accepted the {sent.verb}, and the server is {sent.rested} again: nothing came of it on its host. An "
        f"administrator finds why by the request's id; a hard reboot may help (openstack server reboot --hard {server})"
    )


def _words(action: Action | None) -> str:
    """Of a failure that Nova does not describe on the server."""
    if action is None:
        return ""
    failed = [event for event in action.events if event.result == "Error"]
    names = ", ".join(event.event for event in failed)
    words = next((event.details for event in failed if event.details), "") or "no words are shown to us"
    return f"Nova's {action.action} ended in an error ({names}): {words}" if failed else ""
