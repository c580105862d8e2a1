"""A Provider of type Redfish: no login of its own, one for each BMC."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from pydantic import ValidationError

from hostwright.core.errors import InvalidConfiguration
from hostwright.core.quantity import to_seconds
from hostwright.kinds.physicalmachine.port import Access
from hostwright.kinds.provider.port import Checked, Context, ImageFact, Marked, NetworkFact
from hostwright.kinds.provider.resource import ProviderSpec
from hostwright.providers.redfish.client import Client, RedfishClient
from hostwright.providers.redfish.endpoint import Endpoint, endpoint, ranges
from hostwright.providers.redfish.inventory import QUICK, Inventory
from hostwright.providers.redfish.machines import Machines
from hostwright.providers.redfish.section import POLL, SECTIONS, ProviderSection

#: A Reset may show this late (DESIGN section 9).
VISIBILITY_LAG = 5.0
Connect = Callable[[Access], Client]


class Session:
    """Made by `open_session`."""

    quick = QUICK
    groups = None

    def __init__(self, connect: Connect, interval: float, places: int, context: Context) -> None:
        lag = VISIBILITY_LAG if context.visibility_lag is None else context.visibility_lag
        self._inventory = Inventory(connect, context.monotonic, interval, places)
        self.machines = Machines(self._inventory, context.monotonic, lag)

    async def check(self) -> Checked:
        """There is nothing that could be asked for all: each BMC is a place of its own."""
        return Checked(identity={})

    async def load_catalog(self) -> None:
        """A server in a rack is not chosen from a catalog."""

    def networks(self) -> Sequence[NetworkFact]:
        return ()

    def image(self, _section: Mapping[str, Any]) -> ImageFact:
        return ImageFact(message="a Provider of type Redfish has no images")

    def marked(self) -> Sequence[Marked] | None:
        """A BMC holds no mark of ours."""
        return ()

    def synced(self) -> bool:
        return True

    async def read(self) -> Sequence[str]:
        return await self._inventory.read()

    def moving(self) -> bool:
        """A read waits for news itself, so the next may follow at once."""
        return True

    async def close(self) -> None:
        await self._inventory.close()


class Redfish:
    """The backend."""

    sections = SECTIONS

    def __init__(self) -> None:
        # One request in flight for each BMC, whoever asks: a former session that still says goodbye, a second
        # Provider, several Systems behind one BMC. Forgotten with its last client.
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[str, asyncio.Lock]]
        self._turns = WeakKeyDictionary()

    async def connect(self, spec: ProviderSpec, _secret: Mapping[str, bytes] | None, context: Context) -> Session:
        try:
            section = ProviderSection.model_validate(spec.section(SECTIONS.key) or {})
        except ValidationError as error:
            raise InvalidConfiguration(f"spec.redfish: {error.errors()[0]['msg']}.") from error

        ranges(section.allowed_addresses)  # told once, on the Provider
        turns = self._turns.setdefault(asyncio.get_running_loop(), WeakValueDictionary())

        def client(access: Access) -> Client:
            there = endpoint_of(access, section)
            turn = turns.setdefault(there.base, asyncio.Lock())
            return RedfishClient(there, context.executor, context.monotonic, turn=turn)

        return open_session(client, spec, context)


def open_session(connect: Connect, spec: ProviderSpec, context: Context) -> Session:
    """Whatever keeps the client's Protocol will do. Half of the Provider's threads read, so that calls find one."""
    interval = to_seconds(spec.limits.poll_interval or POLL)
    return Session(connect, interval, spec.limits.max_concurrency // 2, context)


def endpoint_of(access: Access, section: ProviderSection) -> Endpoint:
    """Raises what is to be changed in the PhysicalMachine, or in the Provider."""
    try:
        ca = access.ca.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidConfiguration("bmc.tls.caBundleRef holds no certificate in PEM.") from None
    return endpoint(
        access.address,
        access.username,
        access.password,
        allowed_addresses=section.allowed_addresses,
        allow_insecure=section.allow_insecure_tls,
        insecure=access.insecure,
        ca=ca,
        system_id=access.system_id,
    )
