"""Clients of the sandbox's BMCs."""

import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures_redfish import Rack

from hostwright.providers.redfish.client import RedfishClient
from hostwright.providers.redfish.endpoint import endpoint

LOOPBACK = ("127.0.0.0/8",)


def client_of(
    rack: Rack, executor: ThreadPoolExecutor, number: int = 0, seconds: float = 20, **more: Any
) -> RedfishClient:
    wanted = {
        "address": rack.facts["bmcs"][number]["address"],
        "username": rack.facts["username"],
        "password": rack.facts["password"],
        "allowed_addresses": LOOPBACK,
        "ca": Path(rack.facts["ca"]).read_text(),
    }
    return RedfishClient(endpoint(**{**wanted, **more}), executor, time.monotonic, seconds)


@pytest.fixture
async def connect(rack: Rack) -> AsyncIterator[Callable[..., RedfishClient]]:
    made: list[RedfishClient] = []
    with ThreadPoolExecutor(8) as executor:

        def connect(number: int = 0, seconds: float = 20, **more: Any) -> RedfishClient:
            made.append(client_of(rack, executor, number, seconds, **more))
            return made[-1]

        yield connect
        for each in made:
            await each.close()
