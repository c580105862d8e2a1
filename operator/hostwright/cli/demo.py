"""`hostwright demo`: the main job, live, on a sandbox that is gone afterwards."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click

from hostwright import sandbox
from hostwright.cli.metal import MetalStory
from hostwright.cli.screen import Screen
from hostwright.cli.story import Story
from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE
from hostwright.sandbox.processes import die_with_parent, end, identify
from hostwright.sandbox.sites import SITES
from hostwright.sandbox.waiting import tail

EXAMPLE = Path("examples/quickstart/machines.yaml")
METAL = Path("examples/redfish/claim.yaml")
OPERATOR_ENDS = 25.0
"""Seconds after SIGTERM, as `hostwright operator` promises."""
INTERRUPTED = 130
ENDS = (signal.SIGTERM, signal.SIGHUP)


@click.command(short_help="Show the main job live, on a sandbox of its own.")
@click.option("--site", default="simulated", show_default=True, type=click.Choice(list(SITES)))
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="An empty folder for the sandbox, emptied again at the end. Default: a temporary one.",
)
def demo(site: str, directory: Path | None) -> None:
    """Show the main job live: machines come up, one is stopped, one is repaired, one is deleted.

    On the redfish site: servers are registered, one is powered on, one is repaired, one is claimed and given back.

    Starts a sandbox and the operator. On a terminal both stay up until Ctrl-C; without one all is taken down at once.

    \b
    Example:
      hostwright demo
      hostwright demo --site openstack
      hostwright demo --site vsphere
      hostwright demo --site redfish
    """  # noqa: D301 - click needs the character itself
    for number in ENDS:
        signal.signal(number, _interrupt)  # clean up as after Ctrl-C
    try:
        _run(site, directory, Screen())
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except sandbox.SandboxError as error:
        raise click.ClickException(
            f"{error}\nEverything the demo started is down. Try again: hostwright demo"
        ) from error


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(site: str, directory: Path | None, screen: Screen) -> None:
    metal = site == "redfish"
    example = _example(METAL if metal else EXAMPLE)
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(directory))
        screen.step(f"Set up a sandbox with the {site} site in {folder}")
        box = stack.enter_context(_sandbox(folder, site, screen))
        screen.step("Start the operator")
        operator, log = stack.enter_context(_operator(box))
        screen.tell(f"pid {operator.pid}; its log: {log}")
        child = identify(operator.pid)
        if child is None:
            raise sandbox.SandboxError("the operator ended at once", tail(log))
        stack.enter_context(screen)
        story = (MetalStory if metal else Story)(box, child, log, screen)
        story.tell(example, SITES[site].provider)
        if screen.terminal:
            _go_on(box, screen, "hpm,hpc" if metal else "hvm")
            try:
                story.watch()
            except KeyboardInterrupt:
                screen.tell("Taking it down.")
        else:
            screen.step("Take everything down: there is no terminal to go on by hand")
    screen.console.print("The demo is over; nothing is left of it.")


def _go_on(box: sandbox.Sandbox, screen: Screen, kinds: str) -> None:
    screen.step("Go on by hand, in another terminal:")
    path = f"{box.kubectl.parent}"
    screen.tell(f"export KUBECONFIG={shlex.quote(str(box.kubeconfig))}")
    screen.tell(f'export PATH="$PATH":{shlex.quote(path)}')
    screen.tell(f"kubectl get {kinds} -o wide")
    screen.tell("Ctrl-C here takes everything down.")


def _example(path: Path) -> Path:
    """In the checkout that this package is installed from."""
    root = Path(__file__).resolve().parents[3]
    example = root / path
    if not example.is_file():
        raise sandbox.SandboxError(
            f"there is no {path} in {root}",
            "The demo runs from a checkout: clone the repository, then make demo (or pip install -e .).",
        )
    return example


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is None:
        with tempfile.TemporaryDirectory(prefix="hostwright-demo-") as name:
            yield Path(name)
        return
    if given.is_dir() and any(given.iterdir()):
        raise sandbox.SandboxError(
            f"{given} is not empty", "Give another --dir: the demo removes its folder's content."
        )
    yield given.resolve()


@contextmanager
def _sandbox(folder: Path, site: str, screen: Screen) -> Iterator[sandbox.Sandbox]:
    from hostwright.generate import manifests  # noqa: PLC0415 - it loads every kind and provider, --help needs none

    install = manifests.install()
    try:
        yield sandbox.up(
            folder, sites=[site], manifests=install, ephemeral=True, owner=os.getpid(), progress=screen.tell
        )
    finally:
        sandbox.down(folder, wipe=True)


@contextmanager
def _operator(box: sandbox.Sandbox) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The operator as a child that dies with this process."""
    log = box.directory / "logs" / "operator.log"
    flags = ["--kubeconfig", str(box.operator_kubeconfig), "--http", "127.0.0.1:0"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "hostwright.cli.main", "operator", *flags],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env={**os.environ, "POD_NAMESPACE": DEFAULT_OPERATOR_NAMESPACE},
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - this process has one thread
            process_group=0,  # Ctrl-C is for the demo, which ends it in order
        )
    try:
        yield process, log
    finally:
        child = identify(process.pid)
        if child is not None:
            end([child], OPERATOR_ENDS)
        process.wait()
