"""`hostwright sandbox`: a local Kubernetes control plane and local sites."""

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from hostwright import sandbox as box
from hostwright.sandbox import condition
from hostwright.sandbox.failure import Progress
from hostwright.sandbox.lifecycle import DEFAULT_SITES
from hostwright.sandbox.sites import SITES
from hostwright.sandbox.sites.redfish import BMCS

_directory = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The sandbox's folder; made if it is not there.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")


@contextmanager
def _reporting() -> Iterator[Progress]:
    """Progress as one changing line on a terminal, else as plain lines; failures as what happened and what to do."""
    console = Console(stderr=True, highlight=False)
    try:
        if console.is_terminal:
            with console.status("looking around") as status:
                yield status.update
        else:
            yield lambda line: click.echo(line, err=True)
    except box.SandboxError as error:
        raise click.ClickException(str(error)) from error


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _manifests() -> list[dict[str, Any]]:
    from hostwright.generate.manifests import install  # noqa: PLC0415 - it reads every model; `status` needs none

    return install()


@click.group(short_help="A local Kubernetes control plane with sites.")
def sandbox() -> None:
    """A local Kubernetes control plane with local sites: to try things out, and for tests.

    \b
    Example:
      hostwright sandbox up --dir /tmp/box
      KUBECONFIG=/tmp/box/kubeconfig kubectl get providers
      hostwright sandbox down --dir /tmp/box --wipe
    """  # noqa: D301 - click needs the character itself


@sandbox.command()
@_directory
@click.option("--with", "with_sites", default="", metavar="SITES", help=f"More sites, of: {', '.join(SITES)}.")
@click.option(
    "--bmcs",
    type=click.IntRange(1, 1000),
    default=BMCS,
    show_default=True,
    help="How many servers the redfish site has, each behind a BMC of its own.",
)
@click.option("--no-sim", is_flag=True, help="Without the simulated site.")
@click.option("--kind", "kind_cluster", metavar="NAME", help="Use the kind cluster of this name; nothing is built.")
@click.option("--ephemeral", is_flag=True, help="Faster; the data does not survive a power cut.")
@click.option("--owner", type=int, metavar="PID", help="The sandbox ends when this process does.")
def up(
    directory: Path,
    with_sites: str,
    bmcs: int,
    *,
    no_sim: bool,
    kind_cluster: str | None,
    ephemeral: bool,
    owner: int | None,
) -> None:
    """Start a sandbox and return when all of it answers.

    etcd, kube-apiserver, kube-controller-manager and kubectl are taken from KUBEBUILDER_ASSETS or the PATH; what is not
    there is built once, in six to nine minutes. Everything listens on 127.0.0.1 only.

    \b
    Example:
      hostwright sandbox up --dir /tmp/box
      KUBECONFIG=/tmp/box/kubeconfig kubectl get providers
    """  # noqa: D301 - click needs the character itself
    signal.signal(signal.SIGTERM, _interrupt)  # clean up as after Ctrl-C
    sites = [*(() if no_sim else DEFAULT_SITES), *(name.strip() for name in with_sites.split(",") if name.strip())]
    with _reporting() as progress:
        started = box.up(
            directory,
            sites=sites,
            manifests=_manifests(),
            ephemeral=ephemeral,
            owner=owner,
            kind_cluster=kind_cluster,
            bmcs=bmcs,
            progress=progress,
        )
    click.echo(f"The sandbox in {directory} is up{'' if not sites else ', with ' + ', '.join(dict.fromkeys(sites))}.")
    click.echo(f"  export KUBECONFIG={started.kubeconfig}")
    if shutil.which("kubectl") != str(started.kubectl):
        click.echo(f"  export PATH={started.kubectl.parent}:$PATH  # a kubectl that fits")
    click.echo(f"  hostwright operator --kubeconfig {started.operator_kubeconfig}")
    click.echo(f"  hostwright sandbox down --dir {directory}")


@sandbox.command(short_help="Show its processes and sites.")
@_directory
@_as_json
def status(directory: Path, *, as_json: bool) -> None:
    """Show a sandbox's processes and sites; exits 0 only when all of it runs and answers.

    \b
    Example:
      hostwright sandbox status --dir /tmp/box --json
    """  # noqa: D301 - click needs the character itself
    with _reporting():
        seen = condition.look(directory)
    if as_json:
        processes = {name: asdict(process) for name, process in seen.processes.items()}
        sites = {} if seen.sandbox is None else dict(seen.sandbox.sites)
        click.echo(json.dumps({"up": seen.well, "answers": seen.answers, "processes": processes, "sites": sites}))
    else:
        _show(seen, directory)
    if not seen.well:
        raise SystemExit(1)


def _show(seen: condition.Condition, directory: Path) -> None:
    if not seen.processes:
        click.echo(f"No sandbox runs in {directory}. Start one: hostwright sandbox up --dir {directory}")
        return
    table = Table("PROCESS", "PID", "STATE", "LOG", box=None, pad_edge=False)
    for name, process in seen.processes.items():
        ended = "ended" if process.exit is None else f"ended with {process.exit}"
        log = Path(process.log)
        shown = log.relative_to(directory.resolve()) if log.is_relative_to(directory.resolve()) else log
        table.add_row(name, str(process.pid), "running" if process.running else ended, str(shown))
    Console(highlight=False).print(table)
    if seen.sandbox is not None:
        click.echo(
            f"API server: {'ready' if seen.answers else 'does not answer'}  KUBECONFIG={seen.sandbox.kubeconfig}"
        )
        for name, facts in seen.sandbox.sites.items():
            click.echo(f"site {name}: {' '.join(f'{key}={value}' for key, value in facts.items())}")
    if not seen.well:
        click.echo(f"Not all is well; start anew: hostwright sandbox down --dir {directory}, then up.")


@sandbox.command()
@_directory
@click.option("--wipe", is_flag=True, help="Remove its data as well; else `up` finds it again.")
@_as_json
def down(directory: Path, *, wipe: bool, as_json: bool) -> None:
    """Stop exactly what `up` started.

    \b
    Example:
      hostwright sandbox down --dir /tmp/box --wipe
    """  # noqa: D301 - click needs the character itself
    with _reporting() as progress:
        ran = box.down(directory, wipe=wipe, progress=progress)
    if as_json:
        click.echo(json.dumps({"ran": ran, "wiped": wipe}))
    else:
        kept = "Its data is gone." if wipe else f"Its data is kept in {directory}."
        click.echo(f"The sandbox in {directory} is down. {kept}" if ran else f"No sandbox ran in {directory}.")
