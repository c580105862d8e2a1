"""VirtualMachines on OpenStack: look, resolve, plan, perform, prove."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from hostwright.core.drift import table
from hostwright.core.errors import Bug, Failure, GroupNotFound, GroupNotReady
from hostwright.core.names import Disruption
from hostwright.core.port import Call, Done, LedgerRow, Missing, Present, Receipt, Repeat, Trace, Unsure, Wait
from hostwright.kinds.virtualmachine.port import (
    REBUILDS,
    Bindings,
    Life,
    Look,
    MachineShape,
    Memory,
    Step,
    Twin,
    Unresolved,
    Wanted,
)
from hostwright.kinds.virtualmachine.resource import VirtualMachineSpec
from hostwright.providers.openstack import bodies, errors, explain, translate
from hostwright.providers.openstack.actions import POWERS
from hostwright.providers.openstack.calls import (
    SEND_AGAIN,
    Anew,
    Asked,
    Fence,
    FloatingSeen,
    Move,
    NewFloatingIP,
    NewPort,
    NewServer,
    NewVolume,
    On,
    PortSeen,
)
from hostwright.providers.openstack.client import Client
from hostwright.providers.openstack.floating_calls import FloatingIPs
from hostwright.providers.openstack.inventory import Inventory
from hostwright.providers.openstack.plan import plan
from hostwright.providers.openstack.port_calls import Ports
from hostwright.providers.openstack.read import part
from hostwright.providers.openstack.resolve import Names, resolve
from hostwright.providers.openstack.rows import FloatingIP, Part, Port, Refused, Request, Server, Unanswered, Volume
from hostwright.providers.openstack.section import SECTIONS
from hostwright.providers.openstack.seen import Gathered, SeenFloatingIP, SeenPort, SeenVolume, alike
from hostwright.providers.openstack.storage import concerns
from hostwright.providers.openstack.transport import BLOCK_STORAGE

_CHANGED = {"/powerState", "/tags", "/metadata", "/classRef", "/network/interfaces", "/dataDisks", "/rootDisk/size"}
_REPLACED = {path for path, disruption in table(MachineShape).items() if disruption is Disruption.REPLACE}
SUPPORTED = REBUILDS | _REPLACED | _CHANGED
#: Verbs whose second sending Nova or Cinder refuses with a 400.
_ALREADY = frozenset({"attach_port", "attach_volume", "detach_volume", "extend_volume"})
NOT_FOUND, CONFLICT, FORBIDDEN, BAD, SERVERS_FAULT = 404, 409, 403, 400, 500


class Machines:
    """One for each session."""

    def __init__(
        self,
        client: Client,
        *,
        inventory: Inventory,
        names: Callable[[], Names],
        region: str,
        monotonic: Callable[[], float],
        visibility_lag: float,
        fence: Fence,
    ) -> None:
        self.visibility_lag = visibility_lag
        self.supported = SUPPORTED
        self.shape_paths: Mapping[str, str] = SECTIONS.shape_paths
        self._client, self._inventory, self._names = client, inventory, names
        self._region, self._monotonic = region, monotonic
        self._ports = Ports(client, inventory, monotonic, visibility_lag, fence)
        self._floating = FloatingIPs(client, inventory, monotonic)
        self._attaching: dict[str, float] = {}  # volume → when Nova took it to attach
        self._conflicts: dict[str, str] = {}  # what Nova or Neutron refused last → the verb

    @property
    def fence(self) -> Fence:
        return self._ports.fence

    def look(self, trace: Trace) -> Look:
        if any(row.name.startswith("volume/") for row in trace.ledger):
            self._inventory.want_volumes()
        seen = self._inventory.gather(trace)
        if trace.imported and any(item.row.volumes for item in seen.servers):
            self._inventory.want_volumes()
        if seen.ours(trace) or seen.foreign:
            return Present(translate.found(self._region, seen, trace), self._inventory.as_of(seen))
        row = trace.row("server")
        deleted = self._inventory.servers.gone_since(row.id) if row is not None else None
        as_of = self._inventory.as_of(Gathered())
        if deleted is not None:
            return Missing(max(deleted, as_of))
        if not self._inventory.synced():
            return Unsure("OpenStack was not read yet")
        return Unsure("nothing of this machine is listed on OpenStack", as_of)

    def away(self, trace: Trace, spec: VirtualMachineSpec) -> tuple[Failure, float] | None:
        return self._inventory.storage.hinders(trace, spec)

    def namesakes(self, trace: Trace) -> tuple[Twin, ...]:
        recorded = self._inventory.servers.recorded(trace.namespace, trace.object_name)
        return tuple(
            translate.twin(seen)
            for seen in (self._inventory.servers[key] for key in recorded)
            if any(tag.startswith(trace.mark_prefix) for tag in seen.row.tags) and trace.mark not in seen.row.tags
        )

    def matching(self, trace: Trace) -> tuple[Twin, ...]:
        found = alike(self._inventory.servers.values(), trace.sought) if trace.sought is not None else []
        twins = (translate.twin(seen) for seen in found)
        return tuple(twin for twin in twins if twin.life is not Life.DELETING)

    def resolve(self, spec: VirtualMachineSpec, bindings: Bindings) -> Wanted | Unresolved:
        if any(item.floating_ip is not None for item in spec.network.interfaces):
            self._inventory.want_floating_ips()
        if spec.root_disk is not None or spec.data_disks:
            self._inventory.want_volumes()
        self._inventory.name_volumes([disk.source.existing.id for disk in spec.data_disks or () if disk.source])
        return resolve(self._names(), spec, bindings)

    def plan(
        self, step: Step, trace: Trace, wanted: Wanted | None, look: Look, memory: Memory
    ) -> Call | Wait | Done | Failure:
        seen = self._inventory.gather(trace)
        marked = [item.row.id for item in seen.servers if trace.mark in item.row.tags]
        marked += [item.row.id for item in seen.ports if item.row.description == trace.mark]
        marked += [item.row.id for item in seen.floating_ips if item.row.description == trace.mark]
        floating = [*seen.floating_ips, *self._given(wanted)]
        held = {item.row.id: _port_seen(item, self._inventory) for item in seen.ports}
        fence = replace(
            self.fence,
            marked=frozenset(marked),
            servers=frozenset(item.row.id for item in seen.servers),
            reclaimable=frozenset(item.row.id for item in seen.servers if item.row.reclaimable),
            ports=held,
            floating={item.row.id: _floating_seen(item) for item in floating},
            volumes=self._volumes(wanted, seen),
            ending={
                item.row.id: tuple(held.id for held in item.row.volumes if held.delete_on_termination)
                for item in (seen.servers if trace.imported else ())
            },
            attaching=self._attaching,
            no_volumes=frozenset(
                item for item in _named(wanted) if self._inventory.volumes.gone_since(item) is not None
            ),
        )
        return plan(step, trace.without(seen.foreign), wanted, look, memory, fence)

    def _given(self, wanted: Wanted | None) -> list[SeenFloatingIP]:
        """The project's own of the addresses asked for."""
        wishes = [item.floating_address for item in wanted.shape.interfaces] if wanted is not None else []
        found = [self._inventory.floating_ips.at(address) for address in wishes if address]
        return [item for item in found if item is not None]

    def _volumes(self, wanted: Wanted | None, seen: Gathered) -> Mapping[str, SeenVolume]:
        """Its own, and those that its wishes name."""
        named = _named(wanted)
        known = {item: self._inventory.volumes[item] for item in named if item in self._inventory.volumes}
        return {**known, **{item.row.id: item for item in seen.volumes}}

    async def perform(self, call: Call, user_data: bytes | None) -> Receipt:
        try:
            async with asyncio.timeout(call.deadline):
                return await self._send(call, user_data)
        except errors.RAISED as error:
            if isinstance(call.arguments, Move) and call.arguments.id:
                self._inventory.touch(call.arguments.id)
            if isinstance(call.arguments, On):
                self._touch(call.arguments)
            self._inventory.hasten()
            raise errors.of_write(error, intent=call.repeat is not Repeat.IDEMPOTENT) from error

    async def _send(self, call: Call, user_data: bytes | None) -> Receipt:
        match call.arguments:
            case NewPort() as new:
                return await self._ports.create(call, new)
            case NewVolume() as new_volume:
                return await self._create_volume(call, new_volume)
            case NewServer() as new:
                return await self._create_server(call, new, user_data)
            case Asked() as asked:
                raise await self._explained(asked)
            case Anew(on=on) as anew:
                return await self._on(call, replace(on, body=bodies.with_user_data(anew, user_data)))
            case NewFloatingIP() as wish:
                return await self._floating.create(call, wish)
            case Move() as move:
                return await self._floating.move(call, move)
            case On() as on:
                return await self._on(call, on)
        raise Bug(f"no request is known for the call {call.verb!r}")

    async def _explained(self, asked: Asked) -> Failure:
        """What cannot be read says nothing of the Provider's credentials: the policy may keep actions from users."""
        try:
            return explain.why(asked, await self._client.action(asked.id, asked.action))
        except errors.RAISED as error:
            if isinstance(error, Refused) and error.status in {FORBIDDEN, NOT_FOUND}:
                return explain.came_to_nothing(asked.action)(
                    f"the {asked.action} to {asked.to} came to nothing, and Nova shows no reason"
                )
            return errors.of_read(error)

    async def _create_volume(self, call: Call, new: NewVolume) -> Receipt:
        began = self._monotonic()
        reply = await self._client.send(Request(BLOCK_STORAGE, "POST", "/v3/volumes", new.body), call.deadline)
        volume = part(reply, "volume", Volume)
        self._inventory.write_volume(volume, began)
        self._inventory.touch(volume.id)
        return Receipt(made=(LedgerRow(call.expect, volume.id),))

    async def _create_server(self, call: Call, new: NewServer, user_data: bytes | None) -> Receipt:
        data = bodies.user_data(new.wanted, new.trace, user_data)
        body = bodies.server_body(new.wanted, new.trace, new.ports, data, new.volumes)
        began = self._monotonic()
        try:
            reply = await self._client.send(Request("compute", "POST", "/servers", body), call.deadline)
        except Refused as refusal:
            group = new.wanted.shape.group
            if group and isinstance(errors.of_write(refusal, intent=True), GroupNotFound):
                text = f"group {group} was deleted by somebody else; another one is made"
                raise GroupNotReady(text, code=str(refusal.status), request_id=refusal.request_id) from refusal
            raise
        server_id = part(reply, "server", Server).id
        # The reply carries only the id; what we asked for stands in for the row until the first read shows it. Without
        # it the next look would not see the server, and the next plan would make a second one.
        made = body["server"]
        asked = Server(
            id=server_id, name=made["name"], status="BUILD", tags=tuple(made["tags"]), metadata=made["metadata"]
        )
        self._inventory.write_server(asked, began)
        self._inventory.touch(server_id)
        return Receipt(made=(LedgerRow(call.expect, server_id),))

    async def _on(self, call: Call, on: On) -> Receipt:
        if call.verb == "detach_port":
            self._inventory.unplugging(on.path.rpartition("/")[2])
        try:
            reply = await self._client.send(Request(on.service, on.method, on.path, on.body), call.deadline)
        except Refused as refusal:
            if call.verb == "detach_port" and refusal.status < SERVERS_FAULT:
                self._inventory.unplugging(on.path.rpartition("/")[2], refused=True)
            return self._on_refused(call, on, refusal)
        self._conflicts.pop(on.id, None)
        if call.verb in POWERS:
            self._inventory.actions.sent(on.id, call.verb, self._monotonic())
        if call.verb == "attach_volume":
            self._nova_attaches(on.other)
        if call.verb == "detach_volume":
            self._attaching.pop(on.other, None)
        if on.service == "network" and on.method == "DELETE":
            self._inventory.write_gone(on.id, on.part, self._monotonic())
            return Receipt(gone=())
        if on.part is Part.PORT:  # the answer has the whole of it
            self._inventory.write_port(part(reply, "port", Port), self._monotonic())
        elif on.part is Part.FLOATING_IP:
            self._inventory.write_floating_ip(part(reply, "floatingip", FloatingIP), self._monotonic())
        self._touch(on)
        return Receipt()

    def _nova_attaches(self, volume: str) -> None:
        now = self._monotonic()
        late = {item: at for item, at in self._attaching.items() if now - at <= SEND_AGAIN}
        self._attaching = {**late, volume: now}

    def _touch(self, on: On) -> None:
        for item in (on.id, on.other):
            if item:
                self._inventory.touch(item)

    def _on_refused(self, call: Call, on: On, refusal: Refused) -> Receipt:
        """Refusals that are answers: gone already, in that state already, plugged in already. The next look tells."""
        if refusal.status == NOT_FOUND and call.row is not None and on.id in refusal.text:
            self._inventory.write_gone(on.id, on.part, self._monotonic())
            self._conflicts.pop(on.id, None)
            return Receipt(gone=(call.expect,))
        if refusal.status == NOT_FOUND and (on.method == "DELETE" or on.id in refusal.text):
            self._touch(on)
            return Receipt()
        told = errors.is_locked(refusal) or errors.is_taken(refusal) or errors.is_down(refusal)
        conflict = refusal.status == CONFLICT and not told
        answered = conflict or errors.is_answer(call.verb, refusal)
        if answered or (refusal.status == BAD and call.verb in _ALREADY):
            self._touch(on)
            if self._conflicts.get(on.id) == call.verb:
                raise errors.still(refusal)
            self._conflicts[on.id] = call.verb
            return Receipt()
        raise refusal

    async def prove(self, trace: Trace) -> Look:
        start = self._monotonic()
        try:
            await self._ask(trace, start)
        except errors.RAISED as error:
            raise errors.of_read(error) from error
        seen = self._inventory.gather(trace)
        return self.look(trace) if seen.ours(trace) or seen.foreign else Missing(start)

    async def _ask(self, trace: Trace, start: float) -> None:
        """By mark, and each thing of the ledger, or seen before, by id."""
        mark = trace.mark
        servers, ports, volumes, floating = await asyncio.gather(
            self._client.servers_tagged(mark),
            self._client.ports([mark]),
            self._volumes_marked(trace),
            self._client.floating_ips(mark=mark),
        )
        if trace.sought is not None:
            servers = [*servers, *await self._client.servers_alike(trace.sought)]
        if trace.imported and trace.provider_id:
            ports = [*ports, *await self._client.ports(holder=trace.provider_id)]
            self._inventory.held_read[trace.provider_id] = start
        for server in servers:
            self._inventory.write_server(server, start)
        for port in ports:
            self._inventory.write_port(port, start)
        for volume in volumes:
            self._inventory.write_volume(volume, start)
        for row in floating:
            self._inventory.write_floating_ip(row, start)
        listed = {row.id for found in (servers, ports, volumes, floating) for row in found}
        names = {row.id: row.name for row in trace.ledger}
        known = [*names, *self._inventory.gather(trace).ids, *(twin.id for twin in self.matching(trace))]
        for item in dict.fromkeys(known):
            if item not in listed:
                await self._ask_for(item, names.get(item, ""))

    async def _volumes_marked(self, trace: Trace) -> list[Volume]:
        """None of a machine whose ledger tells of other things alone, while Cinder does not answer."""
        storage = self._inventory.storage
        if storage.away is not None and trace.ledger and not concerns(trace):
            return []
        volumes = await storage.ask(self._client.volumes(trace.mark))
        if volumes is None:
            raise Unanswered(storage.why)
        return volumes

    async def _ask_for(self, item: str, name: str) -> None:
        """What it is tells the inventory, or its name in the ledger; of an extra nobody knows after a restart."""
        known = self._inventory.part_of(item)
        word = name.partition("/")[0]
        for each in [known] if known is not None else [Part(word)] if word in set(Part) else list(Part):
            if await self._inventory.prove(item, each):
                return


def _port_seen(item: SeenPort, inventory: Inventory) -> PortSeen:
    return PortSeen(item.row.device_id, item.as_of, inventory.unplugged_at(item.row.id))


def _floating_seen(item: SeenFloatingIP) -> FloatingSeen:
    row = item.row
    return FloatingSeen(row.floating_ip_address, row.floating_network_id, row.port_id or "", item.as_of)


def _named(wanted: Wanted | None) -> list[str]:
    """Ids of the volumes that were there before the machine, and are to be its disks."""
    return [disk.existing for disk in wanted.extra.disks if disk.existing] if wanted is not None else []
