"""What an answer means. Bodies as the lab words them; OverQuota, lock, 408, 429 and 5xx are typed by hand."""

import json

import pytest

from hostwright.core import errors
from hostwright.providers.openstack.errors import of_read, of_write
from hostwright.providers.openstack.rows import LoginRefused, NotSent, Refused, Reply, Unanswered


def neutron(status: int, kind: str, message: str, after: float | None = None) -> Refused:
    body = json.dumps({"NeutronError": {"type": kind, "message": message, "detail": ""}}).encode()
    return Refused("network", Reply(status, body, "req-1"), after)


def nova(status: int, kind: str, message: str, after: float | None = None) -> Refused:
    body = json.dumps({kind: {"code": status, "message": message}}).encode()
    return Refused("compute", Reply(status, body, "req-1"), after)


QUOTA = "Quota exceeded for instances: Requested 1, but already used 0 of 0 instances"
POLICY = "(rule:create_port and rule:create_port:mac_address) is disallowed by policy"
BUSY = "Cannot 'stop' instance 1 while it is in task_state powering-off"
VOLUME = "Invalid volume: status must be available or downloading to reserve, but the current status is reserved."

WRITES = [
    (neutron(409, "MacAddressInUse", "The mac address 02:00:00:00:00:01 is in use."), errors.AddressInUse),
    (neutron(409, "IpAddressAlreadyAllocated", "IP address 10.0.0.9 already allocated"), errors.AddressInUse),
    (neutron(409, "OverQuota", "Quota exceeded for resources: ['port']."), errors.QuotaExceeded),
    (neutron(403, "PolicyNotAuthorized", POLICY), errors.InvalidConfiguration),
    (nova(403, "forbidden", QUOTA), errors.QuotaExceeded),
    (nova(403, "forbidden", "Quota exceeded, too many servers in group"), errors.GroupFull),
    (nova(400, "badRequest", "Instance group 1 could not be found."), errors.GroupNotFound),
    (nova(413, "overLimit", "VolumeLimitExceeded: Maximum number of volumes allowed (0)"), errors.QuotaExceeded),
    (nova(413, "", "Request is too large. Larger than max_request_body_size (%s)."), errors.InvalidConfiguration),
    (nova(409, "conflictingRequest", "Port 1 is still in use."), errors.Ambiguous),
    (nova(400, "badRequest", "Port 1 is still in use."), errors.Ambiguous),
    (nova(400, "badRequest", VOLUME), errors.Ambiguous),
    (nova(409, "conflictingRequest", BUSY), errors.Ambiguous),
    (nova(409, "conflictingRequest", "Instance 1 is locked"), errors.MachineHeld),
    (nova(409, "conflictingRequest", "Service is unavailable at this time."), errors.HostDown),
    (
        nova(406, "computeFault", "Version 2.90 is not supported by the API. Minimum is 2.1 and maximum is 2.79."),
        errors.Transient,
    ),
    (nova(400, "badRequest", "Flavor nope could not be found."), errors.FlavorNotFound),
    (nova(400, "badRequest", "Can not find requested image"), errors.ImageNotResolved),
    (nova(400, "badRequest", "Invalid key_name provided."), errors.KeyPairNotFound),
    (nova(400, "badRequest", "Network 1 could not be found."), errors.NetworkNotFound),
    (nova(400, "badRequest", "Unable to find security_group with name or id 'gone'"), errors.SecurityGroupNotFound),
    (neutron(404, "NetworkNotFound", "Network 1 could not be found."), errors.NetworkNotFound),
    (neutron(404, "SubnetNotFound", "Subnet 1 could not be found."), errors.NetworkNotFound),
    (neutron(404, "SecurityGroupNotFound", "Security group 1 does not exist"), errors.SecurityGroupNotFound),
    (nova(400, "badRequest", "Port id 1 could not be found."), errors.Ambiguous),
    (nova(404, "itemNotFound", "Port id 1 could not be found."), errors.Ambiguous),
    (nova(400, "badRequest", "The requested availability zone is not available"), errors.InvalidConfiguration),
    (nova(400, "badRequest", "tags.0: 'x' is too long"), errors.InvalidConfiguration),
    (nova(500, "computeFault", "Unexpected API Error."), errors.Ambiguous),
    (nova(503, "injected", "lab fault"), errors.Ambiguous),
    (nova(408, "injected", "lab fault"), errors.Ambiguous),
    (Refused("compute", Reply(502, b"<html>bad gateway</html>")), errors.Ambiguous),
    (nova(401, "unauthorized", "The request you have made requires authentication."), errors.CredentialsRejected),
    (Unanswered("cut"), errors.Ambiguous),
    (TimeoutError(), errors.Ambiguous),
    (NotSent("refused"), errors.Unreachable),
    (LoginRefused("no"), errors.CredentialsRejected),
]


@pytest.mark.parametrize("intent", [True, False])
@pytest.mark.parametrize(("error", "becomes"), WRITES)
def test_a_refused_write(error: Exception, becomes: type[errors.Failure], intent: bool) -> None:
    assert type(of_write(error, intent=intent)) is becomes


@pytest.mark.parametrize(("intent", "becomes"), [(True, errors.Ambiguous), (False, errors.Throttled)])
def test_too_many_requests_are_an_unknown_outcome_only_with_an_intent(
    intent: bool, becomes: type[errors.Failure]
) -> None:
    failure = of_write(nova(429, "overLimit", "slower", 7.0), intent=intent)
    assert (type(failure), failure.retry_after) == (becomes, 7.0)


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (nova(500, "computeFault", "x"), errors.Transient),
        (nova(404, "itemNotFound", "x"), errors.Transient),
        (nova(429, "overLimit", "x", 3.0), errors.Throttled),
        (nova(401, "unauthorized", "x"), errors.CredentialsRejected),
        (nova(403, "forbidden", "x"), errors.CredentialsRejected),
        (NotSent("refused"), errors.Unreachable),
        (Unanswered("cut"), errors.Transient),
        (TimeoutError(), errors.Transient),
        (LoginRefused("no"), errors.CredentialsRejected),
    ],
)
def test_a_failed_read_proves_nothing(error: Exception, becomes: type[errors.Failure]) -> None:
    assert type(of_read(error)) is becomes


def test_the_services_own_words_and_request_id_are_told() -> None:
    failure = of_write(nova(403, "forbidden", QUOTA), intent=True)
    remedy = "Have the project's quota raised, or delete what is not needed."
    assert failure.message == f"Nova says: {QUOTA}. {remedy}"
    assert (failure.code, failure.request_id) == ("403", "req-1")
