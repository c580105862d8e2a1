"""A Provider's catalog is read again every five minutes, whatever a reading comes to."""

import asyncio

from tests.engine.test_connection import Actor
from tests.engine.virtual import run


def test_a_bug_while_the_catalog_is_read_is_told_and_ends_no_actor() -> None:
    async def work() -> None:
        actor = Actor()
        await asyncio.sleep(10.0)
        session = actor.state.session
        read, bug = session.load_catalog, ValueError("a flavor without a name")

        async def broken() -> None:
            raise bug

        session.load_catalog = broken
        await asyncio.sleep(300.0)
        assert actor.connection.dead is None
        assert actor.bugs == [bug]
        session.load_catalog = read
        await asyncio.sleep(300.0)
        assert actor.state.failure is None
        assert actor.bugs == [bug]
        await actor.end()

    run(work())
