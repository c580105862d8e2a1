"""What an answer of a BMC means, in our words: by status and message id, and by whether the request can have left.

| answer | read | write |
|---|---|---|
| 401, at the login or after one renewal | CredentialsRejected | CredentialsRejected |
| 403 | CredentialsRejected: the account lacks the right | InvalidConfiguration |
| 429, SessionLimitExceeded, 503 with Retry-After | Throttled | Ambiguous: verify |
| 409; 400 with a word about the state (On when it is on already) | Transient | Ambiguous: verify |
| another 4xx, 501 | Transient | InvalidConfiguration |
| other 5xx, cut, no answer in time, no JSON | Transient | Ambiguous: verify |
| no connection, no TLS, no time left | Unreachable | Unreachable: nothing was sent |
| an address that is not allowed, a redirect to another host | InvalidConfiguration | InvalidConfiguration |
| systemId that names none, or is needed | InvalidConfiguration | |
"""

import re

from sushy import exceptions as sushy_errors

from hostwright.core import errors
from hostwright.providers.redfish.rows import (
    LoginRefused,
    NoSuchSystem,
    NotSent,
    Outside,
    Refused,
    Unanswered,
    Unreadable,
)

#: Of the BMC, not of ours. sushy's are for its resources: a document without a field that sushy wants.
OF_BMC = (Refused, LoginRefused, NotSent, Outside, Unanswered, Unreadable, NoSuchSystem, sushy_errors.SushyError)
#: Message ids (DSP0268, Base and ResourceEvent registries; SYS and iLO as Dell and HPE say it) of a matter of time.
_STATE = re.compile(
    r"(?i)ResourceInStandby|ResourceInUse|NoOperation|InvalidOperationForSystemState|ServiceInUnknownState|SYS518|PowerState"
)
_BUSY = re.compile(r"(?i)SessionLimitExceeded|ServiceTemporarilyUnavailable|ServiceShuttingDown")


def of_read(error: Exception) -> errors.Failure:
    """A failed read proves nothing."""
    known = _of_both(error)
    if known is not None:
        return known
    match error:
        case Refused(status=403):
            return errors.CredentialsRejected(_words(error), code="403")
        case Refused() if _busy(error):
            return errors.Throttled(_words(error), code=str(error.status), retry_after=error.retry_after)
        case Refused(status=status):
            return errors.Transient(_words(error), code=str(status))
        case _:
            return errors.Transient(_words(error))


def of_write(error: Exception) -> errors.Failure:
    """Only a definite refusal did nothing; a Reset is never sent again on anything less."""
    known = _of_both(error)
    if known is not None:
        return known
    match error:
        case Refused(status=status) if (
            _busy(error) or status in {408, 409, 412} or _STATE.search(error.code + error.text)
        ):
            return errors.Ambiguous(_words(error), code=str(status), retry_after=error.retry_after)
        case Refused(status=status) if status < 500 or status == 501:  # noqa: PLR2004
            return errors.InvalidConfiguration(_words(error), code=str(status))
        case Refused(status=status):
            return errors.Ambiguous(_words(error), code=str(status))
        case sushy_errors.InvalidParameterValueError() | sushy_errors.MissingActionError():
            return errors.InvalidConfiguration(_words(error))  # raised before anything is sent
        case _:
            return errors.Ambiguous(_words(error))


def _of_both(error: Exception) -> errors.Failure | None:
    match error:
        case LoginRefused():
            return errors.CredentialsRejected(_words(error), code="401")
        case Outside() | NoSuchSystem():
            return errors.InvalidConfiguration(_words(error))
        case NotSent():
            return errors.Unreachable(_words(error))
        case _:
            return None


def _busy(error: Refused) -> bool:
    late = error.status == 503 and error.retry_after is not None  # noqa: PLR2004
    return error.status == 429 or late or bool(_BUSY.search(error.code))  # noqa: PLR2004


def _words(error: Exception) -> str:
    said = str(error)
    return f"The BMC: {said}" if isinstance(error, Refused | LoginRefused | Unreadable) else said[:1].upper() + said[1:]
