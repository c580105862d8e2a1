"""What an answer of the site means, in our words (PROTOCOLS section 6)."""

from http import HTTPStatus

from hostwright.core import errors
from hostwright.core.port import Repeat
from hostwright.providers.simulated.client import Elsewhere, NotSent, Unanswered
from hostwright.providers.simulated.rows import Code, Refused

#: A refusal that says why. What is not here is judged by its status.
BY_CODE: dict[str, type[errors.Failure]] = {
    Code.QUOTA_EXCEEDED: errors.QuotaExceeded,
    Code.NO_CAPACITY: errors.NoValidHost,
    Code.ADDRESS_IN_USE: errors.AddressInUse,
    Code.MARKED: errors.OwnershipMismatch,
    Code.UNAUTHORIZED: errors.CredentialsRejected,
    Code.INVALID: errors.InvalidConfiguration,
}
BY_STATUS: dict[int, type[errors.Failure]] = {
    400: errors.InvalidConfiguration,
    401: errors.CredentialsRejected,
    413: errors.InvalidConfiguration,
    422: errors.InvalidConfiguration,
}
#: What the client raises; nothing else may leave it.
RAISED = (Refused, NotSent, Unanswered, Elsewhere, TimeoutError)


def of_read(error: Exception) -> errors.Failure:
    """A failed read proves nothing."""
    match error:
        case Refused(status=status) if _unknown(status):
            return errors.Transient(_words(error), code=str(status), retry_after=error.retry_after)
        case Refused(status=429):
            return errors.Throttled(_words(error), code="429", retry_after=error.retry_after)
        case Refused():
            return _definite(error)
        case Unanswered() | TimeoutError():
            return errors.Transient(f"the simulated site did not answer: {error}")
    return _connection(error)


def of_write(error: Exception, repeat: Repeat) -> errors.Failure:
    """An outcome that is not known has to be verified; 429 too, where the call had an intent."""
    match error:
        case Refused(status=status) if _unknown(status):
            return errors.Ambiguous(_words(error), code=str(status), retry_after=error.retry_after)
        case Refused(status=429):
            kind = errors.Throttled if repeat is Repeat.IDEMPOTENT else errors.Ambiguous
            return kind(_words(error), code="429", retry_after=error.retry_after)
        case Refused():
            return _definite(error)
        case Unanswered() | TimeoutError():
            return errors.Ambiguous(f"the simulated site did not answer: {error or 'the deadline passed'}")
    return _connection(error)


def _unknown(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT


def _definite(error: Refused) -> errors.Failure:
    kind = BY_CODE.get(error.problem.code) or BY_STATUS.get(error.status) or errors.Rejected
    return kind(_words(error), code=error.problem.code or str(error.status))


def _connection(error: Exception) -> errors.Failure:
    match error:
        case NotSent():
            return errors.Unreachable(f"the simulated site cannot be reached: {error}")
        case Elsewhere():
            return errors.IdentityChanged(
                f"the endpoint leads to another simulated site ({error}). Point the Provider back to its own site."
            )
    return errors.Bug(f"{type(error).__name__}: {error}")


def _words(error: Refused) -> str:
    return f"the simulated site says: {error.problem.message or error.problem.code} ({error.status})"
