"""What a Secret must hold, and what an address that nobody answers at means."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from hostwright.core import errors
from hostwright.providers.openstack.client import SdkClient
from hostwright.providers.openstack.errors import of_read
from hostwright.providers.openstack.rows import NotSent
from hostwright.providers.openstack.section import ProviderSection

AUTH = {
    "auth_url": "http://127.0.0.1:1/v3",
    "username": "demo",
    "password": "hunter2",
    "project_name": "demo",
    "user_domain_id": "default",
    "project_domain_id": "default",
}


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def secret(cloud: Any) -> dict[str, bytes]:
    return {"clouds.yaml": yaml.safe_dump({"clouds": {"openstack": cloud}}).encode()}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "no key clouds.yaml"),
        ({"clouds.yaml": b"{"}, "not YAML"),
        ({"clouds.yaml": b"\xff\xfe"}, "not YAML"),
        ({"clouds.yaml": b"clouds: []"}, "`clouds:` map"),
        ({"clouds.yaml": b"clouds: {prod: {}}"}, "it has: prod"),
        (secret(None), "auth_url"),
        (secret("text"), "auth_url"),
        (secret({"auth": "text"}), "auth_url"),
        (secret({"auth": {"username": "demo"}}), "auth_url"),
        (secret({"auth": {key: value for key, value in AUTH.items() if key != "password"}}), "`password`"),
        (secret({"auth_type": "nope", "auth": AUTH}), "nope"),
        (secret({"auth_type": "v3applicationcredential", "auth": {"auth_url": AUTH["auth_url"]}}), "credential ID"),
    ],
)
def test_what_is_missing_in_a_secret_is_told_and_no_password(
    executor: ThreadPoolExecutor, given: dict[str, bytes], words: str
) -> None:
    with pytest.raises(errors.CredentialsMissing) as caught:
        SdkClient(ProviderSection(), given, executor)
    assert words in caught.value.message
    assert "hunter2" not in caught.value.message


async def test_where_nobody_listens_nothing_was_sent(executor: ThreadPoolExecutor) -> None:
    with socket.socket() as held:  # bound and not listening: every connection is refused
        held.bind(("127.0.0.1", 0))
        auth = {**AUTH, "auth_url": f"http://127.0.0.1:{held.getsockname()[1]}/v3"}
        client = SdkClient(ProviderSection(), secret({"auth": auth}), executor)
        with pytest.raises(NotSent) as caught:
            await client.login()
        await client.close()
    failure = of_read(caught.value)
    assert type(failure) is errors.Unreachable
    assert "hunter2" not in failure.message
