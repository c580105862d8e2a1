"""What the process was told: one frozen value."""

import os
import socket
from dataclasses import dataclass, field

from hostwright.core.names import DEFAULT_OPERATOR_NAMESPACE


@dataclass(frozen=True, slots=True)
class Settings:
    kubeconfig: str | None = None
    namespaces: tuple[str, ...] = ()  # empty: all
    http: str = "127.0.0.1:8080"
    identity: str = field(default_factory=lambda: f"{socket.gethostname()}_{os.getpid()}")
    cluster_id: str | None = None
    operator_namespace: str = field(
        default_factory=lambda: os.environ.get("POD_NAMESPACE") or DEFAULT_OPERATOR_NAMESPACE
    )
    workers: int = 64
    reserved_workers: int = 8
    visibility_lag: float | None = None  # seconds; tests of crashes shorten it
    capacity_retry: float | None = None  # seconds before the first retry where there is no room; tests shorten it
    compare_every: float | None = None  # seconds between comparisons of the store with a list; tests shorten it
    refuse_probes: tuple[str, ...] = ()  # networks that no readiness probe connects to
    lease: bool = True  # False bypasses the Lease: for tests of two writers only
    log_level: str = "info"
    log_format: str = "auto"  # console | json | auto: console on a terminal
