"""Labels that are tags: brought to the machine live though no generation changes, and taken off it again."""

from dataclasses import replace
from typing import Any

import pytest
from tests.engine.place import Place as OneMachine
from tests.engine.samples import SPEC, VM
from tests.engine.test_crash import Life, _seconds
from tests.engine.test_pass import running
from tests.engine.test_pool import POOL, Ground, story, wish
from tests.engine.virtual import run, until
from tests.engine.wire import Place, Wire

from hostwright.core.errors import InvalidConfiguration


class Labelled(Life):
    """A machine whose labels `owner` and `app` are propagated."""

    async def up(self, labels: dict[str, str], **more: Any) -> None:
        strikes, self.wire.strikes = self.wire.strikes, {}
        self.enter({**SPEC, "tags": {"team": "a"}, "propagateLabels": ["owner", "app"], **more})
        self.label(labels)
        await self.reach("Ready", self.ready)
        self.wire.names.clear()
        self.wire.strikes = strikes

    def label(self, labels: dict[str, str | None]) -> None:
        self.api.patch(VM, {"metadata": {"labels": labels}})

    def tags(self) -> dict[str, str]:
        (row,) = self.site.model.machines.values()
        return dict(row.tags)

    def told(self) -> dict[str, str]:
        return dict((self.api.status(VM).get("resolved") or {}).get("tags") or {})

    async def bears(self, *theirs: str, **tags: str) -> None:
        """And it is written down: what is unwished before that counts as somebody else's."""
        ours = {key: value for key, value in tags.items() if key not in theirs}
        await self.reach(f"tags {tags}", lambda: self.tags() == tags and self.told() == ours and self.ready())

    def over(self) -> None:
        for process in self.processes:
            assert process.told.bugs == []
            process.kill()


async def _story(life: Labelled) -> None:
    await life.up({"owner": "x", "unnamed": "y"})
    await life.bears(team="a", owner="x")
    generation = life.api.objects[VM]["metadata"]["generation"]
    life.label({"owner": "z", "app": "web"})
    await life.bears(team="a", owner="z", app="web")
    life.label({"owner": None})
    await life.bears(team="a", app="web")
    assert life.api.objects[VM]["metadata"]["generation"] == generation
    assert life.api.status(VM)["observedGeneration"] == generation
    assert life.api.status(VM)["resolved"]["tags"] == {"team": "a", "app": "web"}
    life.over()


def requests() -> list[str]:
    wire = Wire()
    run(_story(Labelled(wire)))
    return wire.names


REQUESTS = requests()


def test_each_change_is_one_call() -> None:
    assert (REQUESTS.count("set"), REQUESTS.count("remove"), REQUESTS.count("create")) == (2, 1, 0)


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("number", range(len(REQUESTS)), ids=[f"{n}-{name}" for n, name in enumerate(REQUESTS)])
def test_struck_once_the_tags_are_the_labels_all_the_same(number: int, place: Place) -> None:
    run(_story(Labelled(Wire(strikes={number: place}))))


def test_a_label_that_is_not_named_any_more_goes_and_what_others_set_stays() -> None:
    async def tale() -> None:
        life = Labelled(Wire())
        await life.up({"owner": "x", "app": "web"})
        (row,) = life.site.model.machines.values()
        life.site.model.tamper(life.clock.now().timestamp(), row.id, tags={**row.tags, "theirs": "1"})
        life.api.apply(VM, {**SPEC, "tags": {"team": "a"}, "propagateLabels": ["app"]})
        await life.bears("theirs", team="a", app="web", theirs="1")
        life.over()

    run(tale())


def test_a_tag_that_is_written_wins_over_the_label_of_its_key() -> None:
    async def tale() -> None:
        life = Labelled(Wire())
        await life.up({"team": "of-the-label", "app": "web"}, propagateLabels=["team", "app"])
        await life.bears(team="a", app="web")
        life.api.apply(VM, {**SPEC, "tags": {}, "propagateLabels": ["team", "app"]})
        await life.bears(team="of-the-label", app="web")
        life.over()

    run(tale())


def test_a_label_that_is_not_propagated_makes_no_call_and_no_write() -> None:
    async def tale() -> None:
        life = Labelled(Wire())
        await life.up({"app": "web"})
        life.label({"another": "1"})
        await _seconds(30.0)
        assert life.wire.names == []
        life.over()

    run(tale())


def test_where_no_change_is_allowed_it_waits() -> None:
    async def tale() -> None:
        life = Labelled(Wire())
        await life.up({"app": "web"}, updatePolicy={"maxDisruption": "None"})
        life.label({"app": "db"})
        await until(lambda: life.api.condition(VM, "UpToDate").get("status") == "False", 30.0, "told")
        (row,) = life.api.status(VM)["pendingChanges"]
        assert (row["path"], row["from"], row["to"], row["waitingFor"]) == ("/tags/app", "web", "db", "MaxDisruption")
        assert life.tags() == {"team": "a", "app": "web"}
        life.over()

    run(tale())


def test_a_pools_labels_reach_the_machines_of_its_members_in_place() -> None:
    async def tale(ground: Ground) -> None:
        ground.api.apply(POOL, wish(2, machine={"propagateLabels": ["app", "tier"]}))
        await ground.is_ready()
        before = {body["metadata"]["uid"] for body in ground.machines().values()}
        changed = wish(2, machine={"propagateLabels": ["app", "tier"]})
        changed["template"]["metadata"]["labels"]["tier"] = "front"
        ground.api.apply(POOL, changed)

        def tagged() -> bool:
            return all(row.tags.get("tier") == "front" for row in ground.site.model.machines.values())

        await until(tagged, 60.0, "tagged")
        await ground.is_ready()
        assert {body["metadata"]["uid"] for body in ground.machines().values()} == before

    story(tale)


async def test_a_refused_label_holds_nothing_back_that_is_labelled_since() -> None:
    place = OneMachine(propagateLabels=["owner"])
    await running(place)
    place.backend.wanted = replace(place.backend.wanted, tags={"owner": "refused"})
    place.backend.refuses = InvalidConfiguration("the tag is not liked.")
    place.api.edit(labels={"owner": "refused"})
    await place.run(30)
    assert place.backend.calls == ["set_tag"]
    place.backend.refuses = None
    place.api.edit(labels={"owner": "liked"})
    await place.run(1, lambda: len(place.backend.calls) == 2)
    assert place.backend.calls == ["set_tag", "set_tag"]
