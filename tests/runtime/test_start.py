"""A start that a person must mend says in one sentence what is wrong and what to do."""

import asyncio
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from click.testing import CliRunner

from hostwright.cli.main import main
from hostwright.engine.ports import ClusterUnavailableError, ObjectGoneError, WriteRefusedError
from hostwright.runtime import hooks, http
from hostwright.runtime.cluster import PLURALS, KubernetesCluster
from hostwright.runtime.clusterid import cluster_id
from hostwright.runtime.metrics import Metrics
from hostwright.runtime.refusal import StartRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = {"metadata": {"uid": "u-here"}}


@dataclass
class Answers:
    """An API server that answers each request with what is set for it."""

    of: "Mapping[str, Any]"
    sent: list[Any] = field(default_factory=list)

    async def raw(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.of[f"{method} {path.rpartition('/')[2]}"]
        if isinstance(answer, Exception):
            raise answer
        self.sent.append(body)
        return answer


def _id(flag: str | None = None, **of: Any) -> str:
    named = {"namespace": "GET kube-system", "kept": "GET hostwright-cluster-id", "write": "POST configmaps"}
    api = Answers({named[name]: answer for name, answer in of.items()})
    return asyncio.run(cluster_id(cast("KubernetesCluster", api), "home", flag))


def test_the_id_is_kept_at_the_first_start_and_read_at_the_next() -> None:
    assert _id(namespace=HERE, kept=ObjectGoneError(), write={}) == "u-here"
    assert _id(namespace=HERE, kept={"data": {"clusterID": "c", "kubeSystemUID": "u-here"}}) == "c"


@pytest.mark.parametrize(
    ("answers", "remedy"),
    [
        ({"namespace": ClusterUnavailableError("refused")}, "--kubeconfig"),
        ({"namespace": WriteRefusedError("403")}, "crds/access"),
        ({"namespace": HERE, "kept": ObjectGoneError(), "write": ObjectGoneError()}, "--operator-namespace"),
        ({"namespace": HERE, "kept": {"data": {"clusterID": "c", "kubeSystemUID": "other"}}}, "--cluster-id c"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_told_with_the_remedy(answers: dict[str, Any], remedy: str) -> None:
    with pytest.raises(StartRefusedError, match=remedy):
        _id(**answers)


def test_a_copied_configmap_is_taken_over_with_the_flag() -> None:
    assert _id("c", namespace=HERE, kept={"data": {"clusterID": "c", "kubeSystemUID": "other"}}) == "c"


def test_a_kubeconfig_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("garbage")
    with pytest.raises(StartRefusedError, match=str(file)):
        asyncio.run(KubernetesCluster.connect(str(file), "me"))


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StartRefusedError, match=f"{at}.*--http"):
            asyncio.run(http.serve(at, Metrics(), str, str))


def test_an_address_that_is_none_is_refused_on_the_command_line() -> None:
    done = CliRunner().invoke(main, ["operator", "--http", "nonsense"])
    assert done.exit_code == 2
    assert "HOST:PORT" in done.output


async def test_a_refusal_reaches_the_end_as_itself_and_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse() -> None:
        raise StartRefusedError("the remedy")

    async def nothing() -> None: ...

    async def access() -> hooks.Access:
        return hooks.Access(server="http://127.0.0.1:9")

    unheard: Callable[..., None] = lambda *_: None  # noqa: E731 - as short as it can be
    bound = hooks.registry(PLURALS, unheard, refuse, nothing, access)
    with pytest.raises(hooks.EndedError) as ended:
        await asyncio.wait_for(hooks.run(bound, "me", (), asyncio.Event()), 10)
    assert isinstance(ended.value.__cause__, StartRefusedError)
    assert "the remedy" in caplog.text
    assert "Traceback" not in caplog.text
