"""Every answer has one meaning (PROTOCOLS section 6)."""

import pytest

from hostwright.core import errors as ours
from hostwright.core.port import Repeat
from hostwright.providers.simulated import errors
from hostwright.providers.simulated.client import Elsewhere, NotSent, Unanswered
from hostwright.providers.simulated.rows import Code, Problem, Refused

HARMLESS, HARMFUL = Repeat.IDEMPOTENT, (Repeat.FENCED, Repeat.INTENT)


def refused(status: int, code: str = "", retry_after: float | None = None) -> Refused:
    return Refused(status, Problem(code=code, message="the words"), retry_after)


TABLE = [
    # what came back, of a read, of a write that may be repeated, of a write that may not
    (refused(400, Code.INVALID), ours.InvalidConfiguration, ours.InvalidConfiguration, ours.InvalidConfiguration),
    (refused(401, Code.UNAUTHORIZED), ours.CredentialsRejected, ours.CredentialsRejected, ours.CredentialsRejected),
    (refused(401), ours.CredentialsRejected, ours.CredentialsRejected, ours.CredentialsRejected),
    (refused(403, Code.QUOTA_EXCEEDED), ours.QuotaExceeded, ours.QuotaExceeded, ours.QuotaExceeded),
    (refused(403), ours.Rejected, ours.Rejected, ours.Rejected),
    (refused(408), ours.Transient, ours.Ambiguous, ours.Ambiguous),
    (refused(409, Code.ADDRESS_IN_USE), ours.AddressInUse, ours.AddressInUse, ours.AddressInUse),
    (refused(409, Code.MARKED), ours.OwnershipMismatch, ours.OwnershipMismatch, ours.OwnershipMismatch),
    (refused(409, Code.NO_CAPACITY), ours.NoValidHost, ours.NoValidHost, ours.NoValidHost),
    (refused(413), ours.InvalidConfiguration, ours.InvalidConfiguration, ours.InvalidConfiguration),
    (refused(429, retry_after=3), ours.Throttled, ours.Throttled, ours.Ambiguous),
    (refused(500), ours.Transient, ours.Ambiguous, ours.Ambiguous),
    (refused(503), ours.Transient, ours.Ambiguous, ours.Ambiguous),
    (Unanswered("cut"), ours.Transient, ours.Ambiguous, ours.Ambiguous),
    (TimeoutError(), ours.Transient, ours.Ambiguous, ours.Ambiguous),
    (NotSent("refused"), ours.Unreachable, ours.Unreachable, ours.Unreachable),
    (Elsewhere("b, not a"), ours.IdentityChanged, ours.IdentityChanged, ours.IdentityChanged),
    (ValueError("never declared"), ours.Bug, ours.Bug, ours.Bug),
]


@pytest.mark.parametrize(("raised", "read", "harmless", "harmful"), TABLE, ids=lambda item: repr(item)[:50])
def test_what_an_answer_means(
    raised: Exception, read: type[ours.Failure], harmless: type[ours.Failure], harmful: type[ours.Failure]
) -> None:
    assert type(errors.of_read(raised)) is read
    assert type(errors.of_write(raised, HARMLESS)) is harmless
    assert {type(errors.of_write(raised, repeat)) for repeat in HARMFUL} == {harmful}


def test_the_sites_own_words_and_its_wish_to_wait_are_kept() -> None:
    failure = errors.of_write(refused(429, retry_after=3), HARMLESS)
    assert "the words" in failure.message
    assert failure.retry_after == 3
    assert failure.code == "429"
    assert errors.of_write(refused(403, Code.QUOTA_EXCEEDED), HARMFUL[0]).code == Code.QUOTA_EXCEEDED
