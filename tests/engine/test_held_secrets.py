"""A Provider's Secret cannot be deleted while the Provider names it, and can be when it names another."""

import asyncio
from typing import Any

from tests.engine.apiserver import ApiServer
from tests.engine.process import Process, site
from tests.engine.samples import CATALOG
from tests.engine.virtual import Clock, run
from tests.engine.wire import Wire

from hostwright.engine.ports import Key, Secret

PROVIDER, OTHER = Key("Provider", "", "sim"), Key("Provider", "", "other")


class Place:
    def __init__(self) -> None:
        self.clock = Clock()
        self.api, self.site = ApiServer(self.clock), site()
        self.api.secrets = {name: Secret("1", {}, ()) for name in ("old", "new")}
        self.name(PROVIDER, "old")
        self.process = self.operator()

    def operator(self) -> Process:
        return Process(self.api, self.site, Wire(), self.clock).start()

    def name(self, provider: Key, secret: str | None) -> None:
        login: dict[str, Any] = {} if secret is None else {"credentialsRef": {"name": secret}}
        self.api.apply(provider, {**CATALOG[PROVIDER], **login})

    async def held(self) -> set[str]:
        await asyncio.sleep(5.0)
        return set(self.api.held)

    def end(self) -> None:
        assert self.process.told.bugs == []
        self.process.kill()


def test_the_former_one_is_let_go_when_another_is_named() -> None:
    async def work() -> None:
        place = Place()
        assert await place.held() == {"old"}
        place.name(PROVIDER, "new")
        assert await place.held() == {"new"}
        place.name(PROVIDER, None)
        assert await place.held() == set()
        place.end()

    run(work())


def test_an_edit_while_no_operator_runs_is_made_good() -> None:
    async def work() -> None:
        place = Place()
        assert await place.held() == {"old"}
        place.process.kill()
        place.name(PROVIDER, "new")
        place.process = place.operator()
        assert await place.held() == {"new"}
        place.process.kill()
        place.name(PROVIDER, "old")
        place.api.delete(PROVIDER)
        place.process = place.operator()
        assert await place.held() == set()
        assert PROVIDER not in place.api.objects
        place.end()

    run(work())


def test_one_that_another_provider_names_stays_held() -> None:
    async def work() -> None:
        place = Place()
        place.name(OTHER, "old")
        assert await place.held() == {"old"}
        place.name(PROVIDER, "new")
        assert await place.held() == {"old", "new"}
        place.api.delete(OTHER)
        assert await place.held() == {"new"}
        place.end()

    run(work())


def test_one_that_never_worked_is_let_go_too() -> None:
    async def work() -> None:
        place = Place()
        place.site.down = True
        assert await place.held() == {"old"}
        place.name(PROVIDER, "new")
        assert await place.held() == {"new"}
        place.end()

    run(work())
