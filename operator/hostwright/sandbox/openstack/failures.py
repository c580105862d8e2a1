"""The two ways in which the lab says no."""

from hostwright.sandbox.failure import SandboxError


class LabUnavailable(SandboxError):  # noqa: N818 - a state of the machine, not a fault
    """The lab cannot run on this machine; the message says what is missing."""


class LabFailed(SandboxError):  # noqa: N818 - reads as what happened
    """The lab did not do what it should; the message says what, and shows the end of the log."""
