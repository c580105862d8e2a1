"""Small faults planted in the OpenStack provider; each must be found, as those of `mutants.py`."""

from collections.abc import Mapping

from tests.simulation.mutants import Mutant


def _mutant(module: str, right: str, wrong: str, rule: str, *faults: str) -> Mutant:
    return Mutant(f"hostwright.{module}", right, wrong, rule, frozenset({"openstack", *faults}))


CLOUD: Mapping[str, Mutant] = {
    "send a server's creation again without an intent": _mutant(
        "providers.openstack.plan",
        '        "create_server",\n        SERVER,\n        Repeat.INTENT,\n',
        '        "create_server",\n        SERVER,\n        Repeat.IDEMPOTENT,\n',
        "S1|S5|2.5",
        "lost",
        "cut",
        "fails",
        "late",
    ),
    "forget the fence of a port": _mutant(
        "providers.openstack.bodies",
        '    if address:\n        body["mac_address"] = address\n',
        "",
        "S1",
        "lost",
        "cut",
        "fails",
        "late",
    ),
    "take a stranger's port for ours by its MAC": _mutant(
        "providers.openstack.machines",
        "await self._client.ports([mark]) if port.mac_address == new.mac]",
        "await self._client.ports() if port.mac_address == new.mac]",
        "S3|S6",
        "squat",
    ),
    "take a list's silence for a deletion": _mutant(
        "providers.openstack.inventory",
        "            await self.prove(item, part)\n\n    async def prove",
        "            self.write_gone(item, part, start)\n\n    async def prove",
        "S1|S10|2.6|L1|S6",
        "lists lag",
        "short pages",
    ),
    "delete what bears our mark under another's name": _mutant(
        "providers.openstack.translate",
        "    return bool(interface_of(port, trace)) and trace.made_here(",
        "    return trace.made_here(",
        "S3",
        "a port of theirs with our mark",
    ),
    "leave the ports": _mutant(
        "providers.openstack.plan",
        "    for row in rows:\n        match _let_go(row, memory, fence) if row.id in keep else",
        "    for row in ():\n        match _let_go(row, memory, fence) if row.id in keep else",
        "S6|L1",
        "delete",
    ),
    "leave an unplugged port as it is": _mutant(
        "providers.openstack.plan_network",
        "        loose = not item.bound and item not in old\n",
        "        loose = False\n",
        "L1|the port",
        "unplug a port",
    ),
    "make a disk without its mark": _mutant(
        "providers.openstack.volumes",
        "    return {VOLUME_MARK: trace.mark, VOLUME_DISK: disk, **record}",
        "    return {VOLUME_DISK: disk, **record}",
        "2.7",
        "give a disk",
    ),
    "make a disk again without looking": _mutant(
        "providers.openstack.plan_volumes",
        '        f"volume/{disk.name}",\n        Repeat.INTENT,\n',
        '        f"volume/{disk.name}",\n        Repeat.IDEMPOTENT,\n',
        "S1",
        "give a disk",
        "lost",
        "cut",
        "fails",
    ),
    "keep an address that nobody wants": _mutant(
        "providers.openstack.plan_floating",
        "    if row.ownership is not Ownership.REFERENCED:\n        return delete_floating_ip(row)\n    if not port",
        "    if row.ownership is not Ownership.REFERENCED:\n        return Done()\n    if not port",
        "L1|S6|the ledger",
        "give an address",
        "take an address",
    ),
    "confirm no resize": _mutant(
        "providers.openstack.plan_change",
        "    if found.life is not Life.RESIZED:\n        return Done()\n    confirmed",
        "    if True:\n        return Done()\n    confirmed",
        "L1",
        "resize",
    ),
}
