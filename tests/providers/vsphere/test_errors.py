"""What a fault means; the types are those that vCenter, or vcsim, answered with."""

import pytest

from hostwright.core import errors
from hostwright.providers.vsphere.errors import of_read, of_write
from hostwright.providers.vsphere.rows import Fault, LoginRefused, NotSent, Unanswered, Untrusted

WRITES = [
    (Fault("InsufficientResourcesFault", "due to insufficient resources"), errors.NoValidHost),
    (Fault("NoCompatibleHost", "No compatible host was found"), errors.NoValidHost),
    (
        Fault("NoPermission", "Permission to perform this operation was denied.", runtime=True),
        errors.InvalidConfiguration,
    ),
    (Fault("InvalidArgument", "A specified parameter was not correct", runtime=True), errors.InvalidConfiguration),
    (Fault("InvalidDatastore", "Operation not valid for this datastore."), errors.InvalidConfiguration),
    (Fault("TaskInProgress", "Another task is already in progress."), errors.Transient),
    (Fault("NotAuthenticated", "The session is not authenticated."), errors.Transient),
    (Fault("SystemError", "A general system error occurred", runtime=True), errors.Ambiguous),
    (Fault("RequestCanceled", "The task was canceled by a user.", runtime=True), errors.Ambiguous),
    (Fault("ManagedObjectNotFound", "deleted", item="vm-7", runtime=True), errors.ImageNotResolved),
    (Fault("ManagedObjectNotFound", "deleted", item="dvportgroup-7", runtime=True), errors.NetworkNotFound),
    (Fault("ManagedObjectNotFound", "deleted", item="group-v3", runtime=True), errors.InvalidConfiguration),
    (LoginRefused("no"), errors.CredentialsRejected),
    (NotSent("refused"), errors.Unreachable),
    (Unanswered("cut"), errors.Ambiguous),
    (TimeoutError(), errors.Ambiguous),
    (Untrusted("self-signed certificate"), errors.Transient),
]
READS = [
    (Fault("NoPermission", "denied"), errors.CredentialsRejected),
    (Fault("ManagedObjectNotFound", "deleted", runtime=True), errors.Transient),
    (Fault("SystemError", "general", runtime=True), errors.Transient),
    (LoginRefused("no"), errors.CredentialsRejected),
    (NotSent("refused"), errors.Unreachable),
    (Unanswered("cut"), errors.Transient),
    (TimeoutError(), errors.Transient),
    (Untrusted("self-signed certificate"), errors.InvalidConfiguration),
]


@pytest.mark.parametrize(("error", "failure"), WRITES, ids=lambda item: str(getattr(item, "name", item))[:40])
def test_of_a_write(error: Exception, failure: type[errors.Failure]) -> None:
    assert type(of_write(error)) is failure


@pytest.mark.parametrize(("error", "failure"), READS, ids=lambda item: str(getattr(item, "name", item))[:40])
def test_of_a_read(error: Exception, failure: type[errors.Failure]) -> None:
    assert type(of_read(error)) is failure


def test_the_vcenters_own_words_and_its_word_for_it_are_told() -> None:
    failure = of_write(Fault("InvalidDatastore", "Operation not valid for this datastore."))
    assert failure.message == "vCenter says: Operation not valid for this datastore (InvalidDatastore)"
    assert failure.code == "InvalidDatastore"
