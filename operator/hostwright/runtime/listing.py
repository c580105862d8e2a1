"""The first list of all objects, made by ourselves: it fills the store, and kopf's watches begin where it ended.

kopf takes each listed object through a task of its own, which with ten thousand was half of a start. So its first list
of a kind is answered with the resourceVersion of ours and no object, and it watches from there: nothing that happened
since is missed, and nothing is seen twice. Every later list of its (after a 410) is the API server's own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

from hostwright.core.names import API_VERSION
from hostwright.engine.inbox import Inbox
from hostwright.engine.ports import Body, ClusterUnavailableError, Key, ObjectGoneError
from hostwright.engine.store import Store
from hostwright.runtime.logs import logger
from hostwright.runtime.refusal import StartRefusedError

#: Machines after all that they name, pools after what they might take in: each then wakes nobody.
ORDER = (
    "Namespace",
    "Provider",
    "MachineClass",
    "MachineImage",
    "PhysicalMachine",
    "PhysicalMachineClaim",
    "VirtualMachine",
    "MachinePool",
)
#: So many objects are taken up in one turn of the event loop: the Lease and the Providers' logins run beside it.
TURN = 20
#: Seconds before a list that failed is made anew; after that the process gives up, and is started anew.
PATIENCE = (1.0, 2.0, 4.0, 8.0, 16.0, *[30.0] * 28)


class Lister(Protocol):
    """Of the API server."""

    def collections(self, kind: str, namespaces: Sequence[str]) -> Sequence[str]:
        """Where a kind is listed: one path, or one for each namespace."""
        ...

    def pages(self, collection: str) -> AsyncIterator[tuple[Sequence[Body], str]]:
        """Its objects as they were at one moment, and that moment's resourceVersion."""
        ...


class FirstList:
    """Made once, at the start, before any pass: until then nothing else fills the store."""

    def __init__(self, lister: Lister, namespaces: Sequence[str], store: Store, inbox: Inbox) -> None:
        self._lister, self._namespaces, self._store, self._inbox = lister, namespaces, store, inbox
        loop = asyncio.get_running_loop()
        self._versions: dict[str, asyncio.Future[str]] = {
            collection: loop.create_future() for _, collection in self._collections()
        }
        self._untold = dict(self._versions)

    async def ended(self, collection: str) -> str:
        """The resourceVersion of our list of it, told once and once it is known; empty: list it yourself."""
        version = self._untold.pop(collection, None)
        return "" if version is None else await version

    async def make(self, patience: Sequence[float] = PATIENCE) -> None:
        """All kinds, whole."""
        for kind, collection in self._collections():
            try:
                version = await self._patiently(kind, collection, patience)
            except ObjectGoneError as error:
                raise StartRefusedError(f"the API server has no kind {kind}: apply crds/ first.") from error
            told = self._versions[collection]
            if not told.done():  # who waited for it may have been cancelled, and lists itself
                told.set_result(version)

    def _collections(self) -> Iterator[tuple[str, str]]:
        return ((kind, path) for kind in ORDER for path in self._lister.collections(kind, self._namespaces))

    async def _patiently(self, kind: str, collection: str, patience: Sequence[float]) -> str:
        """What a list showed that broke off, and the next one does not, is gone: nobody watches yet."""
        shown: set[Key] = set()
        for wait in (*patience, None):
            listed: set[Key] = set()
            try:
                version = await self._list(kind, collection, listed)
                break
            except ClusterUnavailableError as error:
                if wait is None:
                    raise
                logger().warning("not listed yet", kind=kind, error=str(error), again=f"in {wait:.0f} s")
                shown |= listed
                await asyncio.sleep(wait)
        for key in shown - listed:
            body = self._store.get(key)
            if body is not None:
                self._inbox.observe(key, "DELETED", body)
        return version

    async def _list(self, kind: str, collection: str, listed: set[Key]) -> str:
        version, turn = "", 0
        async for bodies, at in self._lister.pages(collection):
            version = at
            for body in bodies:
                metadata = body["metadata"]
                key = Key(kind, metadata.get("namespace", ""), metadata["name"])
                self._inbox.observe(key, None, {"apiVersion": API_VERSION, **body, "kind": kind})
                listed.add(key)
                turn += 1
                if turn % TURN == 0:
                    await asyncio.sleep(0)
        return version
