"""Server groups of Nova: without tags, metadata or a time of creation, so that the name has to say whose one is."""

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from hostwright.core.errors import Failure, InvalidConfiguration
from hostwright.kinds.provider.port import GroupFact
from hostwright.providers.openstack import errors
from hostwright.providers.openstack.client import Client
from hostwright.providers.openstack.read import part
from hostwright.providers.openstack.rows import Refused, Request, ServerGroup

POLICIES = {
    "Affinity": "affinity",
    "AntiAffinity": "anti-affinity",
    "SoftAffinity": "soft-affinity",
    "SoftAntiAffinity": "soft-anti-affinity",
}
_WORDS = {theirs: ours for ours, theirs in POLICIES.items()}
NOT_FOUND, FORBIDDEN = 404, 403


class Groups:
    """One for each session."""

    def __init__(self, client: Client, visibility_lag: float) -> None:
        self._client = client
        self.visibility_lag = visibility_lag
        self.seen: Sequence[GroupFact] = ()  # all of the project, as listed last

    async def listed(self) -> Sequence[GroupFact]:
        try:
            self.seen = tuple(_fact(row) for row in await self._client.server_groups())
        except errors.RAISED as error:
            raise _of_read(error) from error
        return self.seen

    async def one(self, group_id: str) -> GroupFact | None:
        try:
            return _fact(await self._client.server_group(group_id))
        except errors.RAISED as error:
            if isinstance(error, Refused) and error.status == NOT_FOUND and group_id in error.text:
                self._gone(group_id)
                return None
            raise _of_read(error) from error

    async def make(self, name: str, policy: str, seconds: float) -> GroupFact:
        body = {"server_group": {"name": name, "policy": POLICIES[policy]}}
        try:
            async with asyncio.timeout(seconds):
                reply = await self._client.send(Request("compute", "POST", "/os-server-groups", body), seconds)
            made = _fact(part(reply, "server_group", ServerGroup))
        except errors.RAISED as error:
            _raise(error)
        self.seen = (*self.seen, made)
        return made

    async def remove(self, group_id: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._client.send(Request("compute", "DELETE", f"/os-server-groups/{group_id}"), seconds)
        except errors.RAISED as error:
            if not (isinstance(error, Refused) and error.status == NOT_FOUND and group_id in error.text):
                _raise(error)
        self._gone(group_id)

    def _gone(self, group_id: str) -> None:
        self.seen = tuple(item for item in self.seen if item.id != group_id)


def _fact(row: ServerGroup) -> GroupFact:
    return GroupFact(row.id, row.name, _WORDS.get(row.policy, row.policy), frozenset(row.members))


def _of_read(error: Exception) -> Failure:
    """A policy that keeps server groups from users says nothing of the Provider's credentials."""
    if isinstance(error, Refused) and error.status == FORBIDDEN:
        return InvalidConfiguration(f"the Provider's user may not use server groups; Nova says: {error.text}")
    return errors.of_read(error)


def _raise(error: Exception) -> NoReturn:
    raise errors.of_write(error, intent=True) from error
