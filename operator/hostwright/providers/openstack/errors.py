"""What an answer of OpenStack means, in our words: by service, code and body, never by the code alone.

| answer (each tried on the lab) | class |
|---|---|
| Nova 403 "Quota exceeded for …", Neutron 409 OverQuota, Cinder 413 | QuotaExceeded |
| Nova 403 "Quota exceeded, too many server groups." | GroupQuotaExceeded |
| Nova 403 "Quota exceeded, too many servers in group" | GroupFull |
| Nova 400/409 about a port or volume in use, other 409 on a write | Ambiguous: verify |
| Nova "Port id … could not be found" | Ambiguous: verify, the look tells what became of the port |
| flavor, image, network, subnet, security group or key pair not found | each its own class, as in resolve |
| Neutron 409 IpAddressAlreadyAllocated | AddressInUse |
| a server in ERROR with the fault "No valid host was found. There are not enough hosts available." | NoValidHost |
| … "Exceeded max scheduling attempts … Anti-affinity instance group policy was violated" | NoValidHost |
| Nova 409 "Instance … is locked" | MachineHeld |
| Nova 409 "Service is unavailable at this time." (a resize, a detaching: the server's host is down) | HostDown |
| 401 | CredentialsRejected |
| Nova 406 "Version 2.90 is not supported … maximum is …" at the login | its newest is used, or BackendTooOld |
| 406 later: another Nova answers, in the middle of an upgrade | Transient |
| 429 | Throttled; for a call with an intent Ambiguous: verify |
| 408, 5xx, timeout, cut connection | Ambiguous for a write, Transient for a read |
| connection refused | Unreachable: nothing was sent |
| any other 403, 400, 404, 413 | Rejected for this object |
"""

import re

from hostwright.core import errors
from hostwright.core.names import Actor
from hostwright.providers.openstack.rows import LoginRefused, NoEndpoint, NotSent, Refused, TooOld, Unanswered

RAISED = (Refused, NotSent, Unanswered, LoginRefused, NoEndpoint, TooOld, TimeoutError)
_SERVICES = {"compute": "Nova", "network": "Neutron", "image": "Glance", "block-storage": "Cinder"}
_QUOTA = re.compile(r"(?i)quota exceeded|exceeds? .*quota|maximum number of")
_IN_USE = re.compile(r"(?i)(port|volume).*(in use|still in use)|reserve")
_GROUPS = re.compile(r"(?i)too many server groups")
_FULL_GROUP = re.compile(r"(?i)too many servers in group")
_LOCKED = re.compile(r"(?i)^instance .* is locked")
_DOWN = re.compile(r"(?i)^service is unavailable at this time")
_LOST_PORT = re.compile(r"(?i)^port id .* could not be found")
#: What went away after it was resolved: by the words of Nova or the type of Neutron (tried).
_LOST: tuple[tuple[re.Pattern[str], type[errors.Failure]], ...] = (
    (re.compile(r"^Flavor .* could not be found"), errors.FlavorNotFound),
    (re.compile(r"^Can not find requested image|^Image .* could not be found"), errors.ImageNotResolved),
    (re.compile(r"^(NetworkNotFound|SubnetNotFound)$|^Network .* could not be found"), errors.NetworkNotFound),
    (re.compile(r"^SecurityGroupNotFound$|^Unable to find security_group"), errors.SecurityGroupNotFound),
    (re.compile(r"^Invalid key_name provided"), errors.KeyPairNotFound),
    (re.compile(r"^Instance group .* could not be found"), errors.GroupNotFound),
)
#: Verb → what Nova says where there is nothing left to do (tried).
_DONE = {"resize": "must change flavor", "confirm_resize": "has not been resized"}
_NO_HOST = re.compile(r"(?i)no valid host|affinity instance group policy was violated")


def of_read(error: Exception) -> errors.Failure:
    """A failed read proves nothing."""
    match error:
        case TooOld():
            return errors.BackendTooOld(str(error), code="406")
        case NoEndpoint():
            remedy = "Correct the Provider's spec.openstack: region or interface."
            return errors.InvalidConfiguration(f"Keystone's catalog: {error}. {remedy}", actor=Actor.PLATFORM)
        case LoginRefused() | Refused(status=401):
            return errors.CredentialsRejected(_words(error), code="401")
        case Refused(status=403):
            return errors.CredentialsRejected(_words(error), code="403")
        case Refused(status=429, retry_after=after):
            return errors.Throttled(_words(error), code="429", retry_after=after)
        case Refused(status=status, request_id=request):
            return errors.Transient(_words(error), code=str(status), request_id=request)
        case NotSent():
            return errors.Unreachable(_words(error))
        case _:
            return errors.Transient(_words(error))


def of_write(error: Exception, *, intent: bool) -> errors.Failure:
    """A definite refusal made nothing; anything unclear is to be verified, with an intent even a 429."""
    match error:
        case Refused(status=429, retry_after=after, request_id=request) if intent:
            return errors.Ambiguous(_words(error), code="429", retry_after=after, request_id=request)
        case LoginRefused():
            return errors.CredentialsRejected(_words(error), code="401")
        case NotSent() | NoEndpoint():
            return errors.Unreachable(_words(error))
        case Refused():
            return _refused(error)
        case _:
            return errors.Ambiguous(_words(error))


def is_locked(error: Refused) -> bool:
    """Somebody's lock refuses the call, and will refuse the next."""
    return error.status == 409 and bool(_LOCKED.search(error.text))  # noqa: PLR2004


def is_down(error: Refused) -> bool:
    """Nova hears nothing of the host that the server is on."""
    return error.status == 409 and bool(_DOWN.search(error.text))  # noqa: PLR2004


def is_answer(verb: str, error: Refused) -> bool:
    """It is as it was asked to be already, or on its way there."""
    words = _DONE.get(verb)
    return words is not None and error.status == 400 and words in error.text  # noqa: PLR2004


def is_taken(error: Refused) -> bool:
    """Another port has the address, and will have it at the next call."""
    return error.kind in {
        *("IpAddressAlreadyAllocated", "IpAddressInUse", "MacAddressInUse", "FloatingIPPortAlreadyAssociated")
    }


def still(error: Refused) -> errors.Failure:
    """The same refusal once more, with nothing under way that would end it: backed off, and told."""
    return errors.Transient(_words(error), code=str(error.status), request_id=error.request_id)


def is_full(words: str) -> bool:
    """A server's fault: the scheduler found no host, told by Nova after it has accepted the request."""
    return bool(_NO_HOST.search(words))


def _refused(error: Refused) -> errors.Failure:
    status, text = error.status, error.text
    words, code, request = _words(error), str(status), error.request_id
    if status == 401:  # noqa: PLR2004
        return errors.CredentialsRejected(words, code=code, request_id=request)
    if status == 406:  # noqa: PLR2004 - of the version alone, so nothing was done
        return errors.Transient(words, code=code, request_id=request)
    if status == 429:  # noqa: PLR2004
        return errors.Throttled(words, retry_after=error.retry_after, code=code, request_id=request)
    too_large = status == 413 and "too large" in text  # noqa: PLR2004 - the request itself, said by the WSGI layer
    if too_large:
        return errors.InvalidConfiguration("the request is larger than OpenStack takes.", code=code, request_id=request)
    if _GROUPS.search(text):
        what = "Raise the quota server_groups, or remove a group."
        return errors.GroupQuotaExceeded(f"{words} {what}", code=code, request_id=request)
    if _FULL_GROUP.search(text):
        what = "Raise the quota server_group_members, remove a member, or name another group."
        return errors.GroupFull(f"{words} {what}", code=code, request_id=request)
    if error.kind == "OverQuota" or status == 413 or (status in {403, 409} and _QUOTA.search(text)):  # noqa: PLR2004
        remedy = "Have the project's quota raised, or delete what is not needed."
        return errors.QuotaExceeded(f"{words.rstrip('.')}. {remedy}", code=code, request_id=request)
    if is_taken(error):
        return errors.AddressInUse(words, code=code, request_id=request)
    if is_locked(error):
        return errors.MachineHeld(words, code=code, request_id=request)
    if is_down(error):
        remedy = "Bring it back, or have the server evacuated."
        told = f"{words.rstrip('.')}: the host that the server is on is down. {remedy}"
        return errors.HostDown(told, code=code, request_id=request)
    if is_full(text):
        return errors.NoValidHost(words, code=code, request_id=request)
    if _LOST_PORT.search(text):
        return errors.Ambiguous(words, code=code, request_id=request)
    if status in {400, 404}:
        for pattern, failure in _LOST:
            if pattern.search(error.kind) or pattern.search(text):
                return failure(words, code=code, request_id=request)
    if status in {408, 409} or status >= 500 or (status == 400 and _IN_USE.search(text)):  # noqa: PLR2004
        return errors.Ambiguous(words, code=code, request_id=request)
    return errors.InvalidConfiguration(words, code=code, request_id=request)


def _words(error: Exception) -> str:
    match error:
        case Refused(service=service, text=text, status=status):
            return f"{_SERVICES.get(service, service)} says: {text or status}"
        case LoginRefused():
            return f"Keystone refuses the login: {str(error)[:200]}"
        case NoEndpoint():
            return f"Keystone's catalog: {error}"
        case NotSent():
            return f"OpenStack does not answer: {error}"
        case TimeoutError():
            return "OpenStack did not answer in time"
        case _:
            return f"OpenStack did not answer: {error}"
