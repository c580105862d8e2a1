"""What a fault of vSphere means, in our words: by the fault's type, never by its text.

| fault | class |
|---|---|
| InsufficientResourcesFault and its kind, NoCompatibleHost, NoDiskSpace … | NoValidHost |
| InvalidLogin | CredentialsRejected |
| NoPermission of a read | CredentialsRejected; of a write: InvalidConfiguration for this object |
| NotAuthenticated after a new login; TaskInProgress, ConcurrentAccess … | Transient: nothing was done |
| ManagedObjectNotFound of a template, of a network | ImageNotResolved, NetworkNotFound |
| other RuntimeFaults (SystemError, RequestCanceled …) | Ambiguous for a write, Transient for a read |
| cut connection, timeout | Ambiguous for a write, Transient for a read |
| connection refused | Unreachable: nothing was sent |
| any other fault, InvalidArgument and NotSupported too | InvalidConfiguration |
"""

from hostwright.core import errors
from hostwright.providers.vsphere.rows import Fault, LoginRefused, NotSent, Unanswered, Untrusted

RAISED = (Fault, NotSent, Unanswered, LoginRefused, Untrusted, TimeoutError)
GONE = "ManagedObjectNotFound"
#: Refusals that are answers: it is in that state already, or on its way there. The next look tells.
ALREADY = frozenset({"InvalidPowerState", "ToolsUnavailable"})
_FULL = frozenset(
    {
        "InsufficientResourcesFault",
        "InsufficientCpuResourcesFault",
        "InsufficientMemoryResourcesFault",
        "InsufficientFailoverResourcesFault",
        "InsufficientHostCapacityFault",
        "InsufficientStorageSpace",
        "InsufficientStandbyResource",
        "NoCompatibleHost",
        "NoDiskSpace",
        "NotEnoughCpus",
        "NotEnoughLicenses",
        "NotEnoughLogicalCpus",
    }
)
#: Runtime faults that come before anything is done.
_OUTRIGHT = frozenset(
    {"InvalidArgument", "InvalidRequest", "InvalidType", "MethodNotFound", "NoPermission", "NotSupported"}
)
_NOT_NOW = frozenset({"NotAuthenticated", "TaskInProgress", "ConcurrentAccess", "FileLocked", "ResourceInUse"})


def of_read(error: Exception) -> errors.Failure:
    """A failed read proves nothing."""
    match error:
        case LoginRefused():
            return errors.CredentialsRejected(_words(error), code="InvalidLogin")
        case Fault(name="NoPermission" | "InvalidLogin" as name):
            return errors.CredentialsRejected(_words(error), code=name)
        case Fault(name=name):
            return errors.Transient(_words(error), code=name)
        case NotSent():
            return errors.Unreachable(_words(error))
        case Untrusted():
            return errors.InvalidConfiguration(_words(error))
        case _:
            return errors.Transient(_words(error))


def of_write(error: Exception) -> errors.Failure:
    """A definite refusal made nothing; anything unclear is to be verified."""
    match error:
        case LoginRefused():
            return errors.CredentialsRejected(_words(error), code="InvalidLogin")
        case NotSent():
            return errors.Unreachable(_words(error))
        case Untrusted():
            return errors.Transient(_words(error))
        case Fault():
            return _refused(error)
        case _:
            return errors.Ambiguous(_words(error))


def of_ended(fault: Fault) -> errors.Failure:
    """Of a task that has ended, with a look after it that found nothing: even an unclear fault made nothing."""
    failure = _refused(fault)
    return errors.Transient(failure.message, code=failure.code) if isinstance(failure, errors.Ambiguous) else failure


def _refused(fault: Fault) -> errors.Failure:
    words, code = _words(fault), fault.name
    if fault.name in _FULL:
        return errors.NoValidHost(words, code=code)
    if fault.name in _NOT_NOW:
        return errors.Transient(words, code=code)
    if fault.name == GONE:
        return _lost(fault)
    if fault.runtime and fault.name not in _OUTRIGHT:
        return errors.Ambiguous(words, code=code)
    return errors.InvalidConfiguration(words, code=code)


def _lost(fault: Fault) -> errors.Failure:
    """What went away after it was resolved."""
    words = f"{_words(fault)} ({fault.item})."
    kind = fault.item.partition("-")[0]
    named: dict[str, type[errors.Failure]] = {
        "vm": errors.ImageNotResolved,
        "network": errors.NetworkNotFound,
        "dvportgroup": errors.NetworkNotFound,
    }
    return named.get(kind, errors.InvalidConfiguration)(words, code=fault.name)


def _words(error: Exception) -> str:
    match error:
        case Fault(name=name, text=text):
            return f"vCenter says: {text.rstrip('.')} ({name})" if text else f"vCenter says: {name}"
        case LoginRefused():
            return "vCenter does not accept the user name and password"
        case Untrusted():
            return (
                f"the vCenter's certificate is not trusted: {error}. Put its authority into the Secret's ca.crt, or "
                "its SHA-256 into spec.vsphere.thumbprint."
            )
        case NotSent():
            return f"vCenter cannot be reached: {error}"
        case TimeoutError():
            return "vCenter did not answer in time"
        case _:
            return f"vCenter did not answer: {error}"
