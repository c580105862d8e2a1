"""Groups under random schedules: machines come and go, answers are lost, processes die, strangers do as they like.

Safety at each step: a machine's server is only made in a group that is there and of its name, no stranger's group is
changed, and none of ours is removed while servers are in it. At rest: one group for each name that is named, else none.
"""

import random
from typing import TYPE_CHECKING

import pytest
from tests.engine.yard import Dead, Yard

from hostwright.core.errors import GroupQuotaExceeded
from hostwright.engine.groupbook import CREATE_SECONDS
from hostwright.engine.ports import ClusterUnavailableError, Key, StaleBodyError

if TYPE_CHECKING:
    from hostwright.kinds.provider.port import GroupFact

SEEDS, STEPS = 400, 40
NAMES = ("web", "db")


class Play:
    def __init__(self, seed: int) -> None:
        self.dice, self.yard = random.Random(seed), Yard()  # noqa: S311 - a schedule
        self.machines: dict[Key, str] = {}  # → its group
        self.servers: dict[Key, str] = {}  # → the id of the group that its server was made in
        self.strangers: dict[str, GroupFact] = {}
        self.robbed: set[str] = set()  # what an administrator deleted
        self.number, self.late_for = 0, 0.0
        self.yard.nova.before = self.called

    def called(self, verb: str) -> None:
        """What others do may fall between any two of our calls."""
        if self.dice.random() < 0.2:
            self.others()

    def others(self) -> None:
        match self.dice.randrange(6):
            case 0 | 1:
                self.number += 1
                group = self.dice.choice(NAMES)
                self.machines[self.yard.machine(f"m{self.number}", group)] = group
            case 2 if self.machines:
                machine = self.dice.choice(sorted(self.machines))
                self.yard.nova.leave(machine.name)
                self.servers.pop(machine, None)
                self.yard.gone(machine)
                del self.machines[machine]
            case 3:
                # A copy of a title whose creation is under way could not be told from ours: Nova tells no times.
                known = [row["title"] for row in self.yard.rows.values() if row["state"] == "Created"]
                titles = [f"a/{name}" for name in NAMES] + known
                item = self.yard.nova.put(self.dice.choice(titles), *(["s9"] if self.dice.random() < 0.5 else []))
                self.strangers[item] = self.yard.nova.rows[item]
            case 4:
                self.make_a_server()
            case 5 if self.dice.random() < 0.3:
                ids = {row.get("id") for row in self.yard.rows.values()} & set(self.yard.nova.rows)
                for item in sorted(ids)[:1]:  # an administrator
                    del self.yard.nova.rows[item]
                    self.robbed.add(item)

    def make_a_server(self) -> None:
        """As a machine's pass does: by the status that it sees at that moment."""
        waiting = sorted(set(self.machines) - set(self.servers))
        if not waiting:
            return
        machine = self.dice.choice(waiting)
        row = self.yard.rows.get(f"a/{self.machines[machine]}", {})
        if row.get("state") != "Created":
            return
        group = row["id"]
        if group not in self.yard.nova.rows:  # Nova refuses: only an administrator's deletion may lead here
            return
        assert self.yard.nova.rows[group].name.startswith(f"a/{self.machines[machine]} hw:")
        assert group not in self.strangers
        self.yard.nova.join(group, machine.name)
        self.servers[machine] = group

    async def step(self) -> None:
        yard, dice = self.yard, self.dice
        yard.nova.fault = dice.choice(["", "", "", "lost", "late", "failed", "killed"])
        yard.nova.refuses = GroupQuotaExceeded("full") if dice.random() < 0.1 else None
        if dice.random() < 0.15:
            yard.api.fails = [dice.choice([StaleBodyError, ClusterUnavailableError])]
        yard.api.during = self.others if dice.random() < 0.3 else None
        try:
            await yard.look()
        except (StaleBodyError, ClusterUnavailableError):
            pass
        except Dead:
            yard.start()
        if dice.random() < 0.1:
            yard.start()
        self.pass_time(dice.choice([0.1, 1.0, 5.0, 40.0]))
        self.safe()

    def pass_time(self, seconds: float) -> None:
        """What is late is carried out within the call's deadline."""
        nova = self.yard.nova
        self.late_for = self.late_for + seconds if nova.late else 0.0
        if self.late_for >= CREATE_SECONDS:
            nova.catch_up()
        self.yard.clock.passed += seconds

    def safe(self) -> None:
        for item, fact in self.strangers.items():
            assert self.yard.nova.rows.get(item) == fact, "a stranger's group"
        for machine, group in self.servers.items():
            assert group in self.yard.nova.rows or group in self.robbed, f"the group of {machine.name} is gone"

    async def rest(self) -> None:
        yard = self.yard
        yard.nova.fault, yard.nova.refuses, yard.nova.before = "", None, None
        yard.api.during, yard.api.fails = None, []
        yard.nova.catch_up()
        await yard.run(1000)
        named = {f"a/{group}" for group in self.machines.values()}
        assert set(yard.rows) == named
        ours = {row["id"] for row in yard.rows.values()}
        assert ours <= set(yard.nova.rows) - set(self.strangers)
        left = set(yard.nova.rows) - set(self.strangers) - ours
        assert not left, f"made twice, or left: {[yard.nova.rows[item] for item in left]}"


@pytest.mark.parametrize("part", range(4))
async def test_whatever_happens_there_is_one_group_for_each_name_at_rest(part: int) -> None:
    for seed in range(part, SEEDS, 4):
        play = Play(seed)
        try:
            for _ in range(STEPS):
                play.others()
                await play.step()
            await play.rest()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
