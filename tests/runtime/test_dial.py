"""A connection is made and closed, or it is said why not."""

import asyncio

from hostwright.runtime.dial import dial


async def test_what_listens_answers_and_is_sent_nothing() -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        assert await dial("127.0.0.1", server.sockets[0].getsockname()[1]) == ""
        assert await heard == b""


async def test_what_does_not_listen_says_so() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert await dial("127.0.0.1", port) == "127.0.0.1 says: connection refused"


async def test_what_cannot_be_reached_raises_nothing() -> None:
    assert (await dial("255.255.255.255", 9)).startswith("255.255.255.255 ")
