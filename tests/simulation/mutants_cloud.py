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
    "take a stranger's port for ours by its MAC": _mutant(
        "providers.openstack.port_calls",
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
    "take the window of a port made again for the machine's": _mutant(
        "kinds.virtualmachine.extras",
        "    return made is None or row.window.start > made\n",
        "    return False\n",
        "S3",
        "twin",
        "delete a port",
    ),
}
