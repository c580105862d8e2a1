"""How a sandbox is: which of its processes run, and whether its API server answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hostwright.sandbox import layout, record
from hostwright.sandbox.failure import SandboxError
from hostwright.sandbox.install import Kubectl
from hostwright.sandbox.layout import Sandbox
from hostwright.sandbox.processes import Identity, alive


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    running: bool
    log: str
    exit: int | None = None
    """Its exit status, negative for a signal; None while it runs, or when the keeper did not live to see it."""


@dataclass(frozen=True, slots=True)
class Condition:
    processes: Mapping[str, Process]
    sandbox: Sandbox | None
    """None until `up` has finished, and after `down`."""
    answers: bool
    """The API server says that it is ready."""

    @property
    def well(self) -> bool:
        return self.answers and self.sandbox is not None and all(each.running for each in self.processes.values())


def look(directory: Path) -> Condition:
    directory = directory.resolve()
    kept = record.read(directory)
    processes: dict[str, Process] = {}
    if kept is not None:
        keeper = kept.keeper or Identity(0, 0)
        processes["keeper"] = Process(keeper.pid, alive(keeper), str(directory / "logs" / "keeper.log"))
        for name, child in kept.children.items():
            processes[name] = Process(child.process.pid, alive(child.process), child.log, child.exit)
    if not (directory / layout.FACTS).exists():
        return Condition(processes, None, answers=False)
    sandbox = layout.read(directory)
    try:
        Kubectl(sandbox.kubectl, sandbox.kubeconfig).run("get", "--raw=/readyz", "--request-timeout=5s")
    except SandboxError:
        return Condition(processes, sandbox, answers=False)
    return Condition(processes, sandbox, answers=True)
