"""`up` and `down` of a sandbox."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hostwright.sandbox import controlplane, install, keeping, kind, layout, record
from hostwright.sandbox.binaries import Binaries, ensure
from hostwright.sandbox.failure import Progress, SandboxError, silent
from hostwright.sandbox.install import Kubectl, Manifest
from hostwright.sandbox.layout import Sandbox
from hostwright.sandbox.processes import Identity, identify
from hostwright.sandbox.sites import SITES, catalog
from hostwright.sandbox.sites.redfish import BMCS, Redfish
from hostwright.sandbox.sites.site import Site

DEFAULT_SITES = ("simulated",)


@dataclass(frozen=True, slots=True)
class _Cluster:
    kubectl: Kubectl
    binaries: Binaries | None = None
    audit: Path | None = None
    kind: str | None = None


def up(
    directory: Path,
    *,
    sites: Sequence[str] = DEFAULT_SITES,
    manifests: Sequence[Manifest] = (),
    ephemeral: bool = True,
    owner: int | None = None,
    kind_cluster: str | None = None,
    bmcs: int = BMCS,
    progress: Progress = silent,
) -> Sandbox:
    """Starts a sandbox in a directory and returns when all of it answers; when that fails, nothing is left running.

    `manifests` are installed before the sites' own objects, whose kinds must be among them or be there already.
    `bmcs` is how many servers the Redfish site has.
    `owner` is a process with which it ends. `ephemeral` trades the data's safety over a power cut for speed.
    """
    wanted = _sites(sites, bmcs)
    owning = _owner(owner)
    directory = directory.resolve()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"{directory} cannot be made: {error.strerror}", "Choose another with --dir.") from error
    with _alone(directory) as lock:
        programs = ensure(progress) if kind_cluster is None else None
        _teardown(directory)  # what a run that was killed has left
        try:
            layout.clear_logs(directory)
            keeper = keeping.start(directory, lock)
            if programs is None:
                cluster = _Cluster(kind.connect(directory, str(kind_cluster)), kind=kind_cluster)
            else:
                plane = controlplane.start(directory, programs, keeper, progress, ephemeral=ephemeral)
                cluster = _Cluster(Kubectl(programs.kubectl, plane.kubeconfig), programs, plane.audit)
            sandbox = _furnish(cluster, keeper, wanted, manifests, progress)
            keeper.own(owning)
        except BaseException:
            kind.forget(directory, progress)
            _teardown(directory)
            raise
    return sandbox


@contextmanager
def _alone(directory: Path) -> Iterator[int]:
    lock = record.lock(directory)
    if lock is None:
        raise SandboxError(
            f"a sandbox runs in {directory} already",
            f"hostwright sandbox status --dir {directory}, or hostwright sandbox down --dir {directory}",
        )
    try:
        yield lock
    finally:
        os.close(lock)  # the keeper has it as well


def _sites(names: Sequence[str], bmcs: int) -> list[Site]:
    unknown = [name for name in names if name not in SITES]
    if unknown:
        raise SandboxError(f"no site is called {', '.join(unknown)}", f"There are: {', '.join(SITES)}.")
    sites = [SITES[name] for name in dict.fromkeys(names)]
    return [replace(site, bmcs=bmcs) if isinstance(site, Redfish) else site for site in sites]


def _owner(pid: int | None) -> Identity | None:
    if pid is None:
        return None
    owner = identify(pid)
    if owner is None:
        raise SandboxError(f"there is no process {pid} that could own the sandbox")
    return owner


def _furnish(
    cluster: _Cluster,
    keeper: keeping.Keeping,
    wanted: Sequence[Site],
    manifests: Sequence[Manifest],
    progress: Progress,
) -> Sandbox:
    """Puts into the cluster what belongs there, starts the sites, and writes everything down."""
    directory = keeper.directory
    cluster.kubectl.apply([*install.identity(), *manifests])
    operator = install.operator_kubeconfig(cluster.kubectl, directory)
    facts: dict[str, Mapping[str, Any]] = {}
    for site in wanted:
        progress(f"starting the {site.name} site")
        facts[site.name] = site.start(directory, keeper, progress)
    if wanted:
        objects = [each for site in wanted for each in site.manifests(facts[site.name])]
        objects += catalog.manifests(wanted)
        if cluster.kind is not None:
            kind.remember(directory, cluster.kubectl, objects)
        cluster.kubectl.apply(objects)
    kept = record.read(directory)
    if kept is None or kept.keeper is None:
        raise SandboxError(f"the sandbox in {directory} was taken down meanwhile")
    sandbox = Sandbox(
        directory=directory,
        kubeconfig=cluster.kubectl.kubeconfig,
        operator_kubeconfig=operator,
        kubectl=cluster.kubectl.program,
        binaries=cluster.binaries,
        pids={"keeper": kept.keeper.pid, **{name: child.process.pid for name, child in kept.children.items()}},
        sites=facts,
        audit=cluster.audit,
        kind=cluster.kind,
    )
    layout.write(sandbox)
    return sandbox


def _teardown(directory: Path, *, keep: bool = True) -> bool:
    for site in SITES.values():
        site.stop(directory, keep=keep)
    return keeping.stop(directory)


def down(directory: Path, *, wipe: bool = False, progress: Progress = silent) -> bool:
    """Ends exactly what `up` started; False when nothing ran. `wipe` removes the data, too."""
    directory = directory.resolve()
    kind.forget(directory, progress)
    ran = _teardown(directory, keep=not wipe)
    layout.clear(directory, data=wipe)
    return ran
