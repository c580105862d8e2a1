"""Prometheus collectors; with the logs they are the engine's Telemetry."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hostwright.core.errors import Failure
from hostwright.engine.ports import ClusterUnavailableError, Key
from hostwright.runtime.logs import logger, redact

_BUCKETS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One registry for the process; labels are bounded sets, never an object's name."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._log = logger()
        self._passes = Histogram(
            "hostwright_pass_seconds",
            "One pass over one object.",
            ["kind", "outcome"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._calls = Histogram(
            "hostwright_provider_call_seconds",
            "One call to a backend.",
            ["provider", "verb", "outcome"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._writes = Counter(
            "hostwright_kubernetes_writes_total", "Writes of objects.", ["kind", "what"], registry=self.registry
        )
        self._told = Counter("hostwright_events_total", "Events.", ["kind", "reason"], registry=self.registry)
        self._bugs = Counter(
            "hostwright_unexpected_errors_total", "Errors nobody declared.", ["kind"], registry=self.registry
        )
        self.queue = Gauge("hostwright_queue_depth", "Keys waiting.", ["priority"], registry=self.registry)
        self.leading = Gauge("hostwright_leading", "1 while this replica holds the Lease.", registry=self.registry)
        self.provider_up = Gauge(
            "hostwright_provider_up", "1 while a Provider answers.", ["provider"], registry=self.registry
        )
        self.machines = Gauge(
            "hostwright_machines",
            "VirtualMachines and PhysicalMachines by phase.",
            ["provider", "phase"],
            registry=self.registry,
        )
        self.objects = Gauge("hostwright_objects", "Objects in the store.", registry=self.registry)

    def passed(self, key: Key, seconds: float, outcome: str) -> None:
        self._passes.labels(key.kind, outcome).observe(seconds)
        self._log.debug("object looked at", kind=key.kind, namespace=key.namespace, name=key.name, outcome=outcome)

    def called(self, provider: str, verb: str, seconds: float, outcome: str) -> None:
        self._calls.labels(provider, verb, outcome).observe(seconds)
        self._log.info("provider called", provider=provider, verb=verb, outcome=outcome, seconds=round(seconds, 3))

    def wrote(self, kind: str, what: str) -> None:
        self._writes.labels(kind, what).inc()

    def said(self, key: Key, reason: str, message: str) -> None:
        self._told.labels(key.kind, reason).inc()
        self._log.info(
            "event told", kind=key.kind, namespace=key.namespace, name=key.name, reason=str(reason), message=message
        )

    def hindered(self, key: Key, error: ClusterUnavailableError) -> None:
        self._log.warning(
            "the API server is away", kind=key.kind, namespace=key.namespace, name=key.name, error=redact(str(error))
        )

    def failed(self, key: Key, error: BaseException) -> None:
        self._bugs.labels(key.kind).inc()
        self._log.error(
            "pass failed",
            kind=key.kind,
            namespace=key.namespace,
            name=key.name,
            error=redact(f"{type(error).__name__}: {error}"),
            exc_info=None if isinstance(error, Failure) else error,
        )

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)
