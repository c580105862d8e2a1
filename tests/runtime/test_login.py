"""The login that kopf's watches get, from a kubeconfig and from a Pod's service account."""

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import load_kube_config
from kubernetes.aio.config.incluster_config import InClusterConfigLoader

from hostwright.runtime.app import access_of

Login = Callable[[Path], Awaitable[Configuration]]
TOKEN = "abc.def-_"


async def _of_a_pod(home: Path) -> Configuration:
    for name in ("token", "ca.crt"):
        (home / name).write_text(TOKEN)
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    found = Configuration()
    InClusterConfigLoader(str(home / "token"), str(home / "ca.crt"), environ=environment).load_and_set(found)
    return found


async def _of_a_kubeconfig(home: Path) -> Configuration:
    (home / "config").write_text(
        yaml.safe_dump(
            {
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:443"}}],
                "users": [{"name": "u", "user": {"token": TOKEN}}],
            }
        )
    )
    found = Configuration()
    await load_kube_config(config_file=str(home / "config"), client_configuration=found)
    return found


@pytest.mark.parametrize("login", [_of_a_pod, _of_a_kubeconfig])
async def test_the_token_is_given_without_its_scheme(login: Login, tmp_path: Path) -> None:
    access = access_of(await login(tmp_path))
    assert (access.server, access.token) == ("https://10.0.0.1:443", TOKEN)


def test_a_pod_without_a_kubeconfig_is_logged_in_by_its_service_account(tmp_path: Path) -> None:
    """As a process of its own: the client reads $KUBECONFIG and HOME when it is imported."""
    environment = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    environment |= {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "9"}
    command = [sys.executable, "-m", "hostwright.cli.main", "operator", "--http", "127.0.0.1:0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    account = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    assert ("does not answer" if account.exists() else "Service token file does not exist") in done.stderr
