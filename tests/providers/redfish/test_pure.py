"""What is decided without a BMC: addresses, documents, meanings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostwright.core import errors
from hostwright.core.errors import CredentialsMissing, InvalidConfiguration
from hostwright.providers.redfish import translate
from hostwright.providers.redfish.endpoint import endpoint
from hostwright.providers.redfish.errors import of_read, of_write
from hostwright.providers.redfish.rows import NotSent, Refused, Unanswered


def made(address: str = "https://10.0.12.7", **more: Any) -> Any:
    wanted: dict[str, Any] = {"username": "u", "password": "p", "allowed_addresses": ["10.0.12.0/24", "fd00::/64"]}
    return endpoint(address, **{**wanted, **more})


@pytest.mark.parametrize(
    "address",
    [
        "10.0.12.7",
        "ftp://10.0.12.7",
        "https://",
        "https://h/redfish",
        "https://h:no",
        "https://h?x=1",
        "https://h:70000",
    ],
)
def test_an_address_that_is_none_is_said(address: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"bmc\.address"):
        made(address)


def test_what_an_endpoint_needs() -> None:
    with pytest.raises(InvalidConfiguration, match="Secret"):
        made("https://u:p@10.0.12.7")
    with pytest.raises(InvalidConfiguration, match="allowInsecureTLS"):
        made("http://10.0.12.7")
    with pytest.raises(InvalidConfiguration, match="allowInsecureTLS"):
        made(insecure=True)
    with pytest.raises(CredentialsMissing):
        made(password="")
    with pytest.raises(InvalidConfiguration, match="allowedAddresses"):
        made(allowed_addresses=["10.0.12.0/99"])
    assert made("https://[fd00::7]:8443").base == "https://[fd00::7]:8443"
    assert "secret-word" not in repr(made(password="secret-word"))


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.0.12.7", True),
        ("10.0.13.7", False),
        ("::ffff:10.0.12.7", True),
        ("::ffff:10.0.13.7", False),
        ("fd00::9", True),
        ("fe80::1%eth0", False),
        ("127.0.0.1", False),
    ],
)
def test_only_the_allowed_ranges_are_inside(address: str, *, inside: bool) -> None:
    assert made().allows(address) is inside
    assert made(allowed_addresses=[]).allows(address) is False


TEXT = st.text("On/. é", max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
WORDS = """Actions Boot EthernetInterfaces Links ManagedBy MediaTypes MemorySummary Members PowerState Status Count
Storage ProcessorSummary TotalSystemMemoryGiB UUID VirtualMedia Health CapacityBytes MACAddress Inserted Image target
#ComputerSystem.Reset #Manager.Reset @odata.id"""
KEYS = WORDS.split()
DOCUMENT = st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(KEYS), JSON), max_size=12)


@given(DOCUMENT)
def test_no_document_breaks_a_row(document: dict[str, Any]) -> None:
    for row in (translate.system, translate.bmc, translate.drive, translate.nic, translate.medium):
        hash(row("/x", document))
    translate.members(document)


@given(st.binary(max_size=40), TEXT)
def test_no_body_breaks_a_refusal(body: bytes, after: str) -> None:
    assert translate.refusal(500, body, after).status == 500


def test_the_most_severe_message_is_told() -> None:
    body = b"""{"error": {"code": "Base.1.0.GeneralError", "message": "see below", "@Message.ExtendedInfo": [
        {"MessageId": "Base.1.8.Success", "Message": "fine", "Severity": "OK"},
        {"MessageId": "Base.1.8.SessionLimitExceeded", "Message": "too many sessions", "Severity": "Critical"}]}}"""
    refused = translate.refusal(503, body, "30")
    assert (refused.code, refused.text, refused.retry_after) == ("SessionLimitExceeded", "too many sessions", 30.0)
    assert isinstance(of_read(refused), errors.Throttled)
    assert translate.refusal(400, b"<html>", None).text == "the BMC does not say why"


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (Refused(403, "", "no"), errors.CredentialsRejected, errors.InvalidConfiguration),
        (Refused(429, "", "no"), errors.Throttled, errors.Ambiguous),
        (Refused(503, "", "no", 5.0), errors.Throttled, errors.Ambiguous),
        (Refused(503, "", "no"), errors.Transient, errors.Ambiguous),
        (Refused(500, "", "no"), errors.Transient, errors.Ambiguous),
        (Refused(501, "", "no"), errors.Transient, errors.InvalidConfiguration),
        (Refused(409, "", "no"), errors.Transient, errors.Ambiguous),
        (Refused(400, "InvalidOperationForSystemState", "it is on"), errors.Transient, errors.Ambiguous),
        (Refused(400, "ActionParameterValueNotInList", "no"), errors.Transient, errors.InvalidConfiguration),
        (Refused(404, "", "no"), errors.Transient, errors.InvalidConfiguration),
        (Unanswered("cut"), errors.Transient, errors.Ambiguous),
        (NotSent("refused"), errors.Unreachable, errors.Unreachable),
    ],
)
def test_what_an_answer_means(error: Exception, read: type[errors.Failure], write: type[errors.Failure]) -> None:
    assert type(of_read(error)) is read
    assert type(of_write(error)) is write
