"""When a machine counts as available, as users write it."""

from pydantic import Field

from hostwright.core.resource import Words


class TcpSocket(Words):
    port: int = Field(ge=1, le=65535, description="The port on the machine's own address.")


class Probe(Words):
    tcp_socket: TcpSocket = Field(
        description="A TCP connection from the operator to the machine: it passes when it is accepted within 2 seconds."
    )
    period_seconds: int = Field(
        default=10,
        ge=1,
        le=3600,
        description="Seconds between two tries. Three that fail in a row turn Available to False, one turns it back.",
    )


class Readiness(Words):
    probe: Probe | None = Field(
        default=None,
        description="What the machine itself is asked while it is powered on. Default: nothing; being Ready is enough.",
    )
    min_ready_seconds: int = Field(
        default=0,
        ge=0,
        le=86400,
        description="For how many seconds on end it must be so before Available turns to True.",
    )
