"""Which certificate of a vCenter is trusted: one of an authority, a pinned one, or, where asked for, any."""

import hashlib
import ssl
from collections.abc import Mapping
from typing import Any, TypeVar

from hostwright.core.errors import InvalidConfiguration
from hostwright.providers.vsphere.section import ProviderSection

T = TypeVar("T", bound=ssl.SSLContext)


class _Pinned(ssl.SSLContext):
    """Looks at the certificate of each handshake.

    pyVmomi's own `thumbprint` is looked at only where the usual check has failed, and on the first connection only: it
    then switches all checks of the context off (9.1, SoapAdapter._Connect).
    """

    thumbprint = ""

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(*args, **options)
        shown = hashlib.sha256(wrapped.getpeercert(binary_form=True) or b"").hexdigest()
        if shown != self.thumbprint:
            wrapped.close()
            raise ssl.SSLCertVerificationError("it has another SHA-256 than spec.vsphere.thumbprint")
        return wrapped


def context(spec: ProviderSection, secret: Mapping[str, bytes]) -> ssl.SSLContext:
    if spec.thumbprint:
        pinned = _unchecked(_Pinned(ssl.PROTOCOL_TLS_CLIENT))
        pinned.thumbprint = spec.thumbprint.replace(":", "").lower()
        return pinned
    if spec.insecure:
        return _unchecked(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    authority = secret["ca.crt"].decode("ascii", errors="replace") if "ca.crt" in secret else None
    try:
        return ssl.create_default_context(cadata=authority)
    except ssl.SSLError as error:
        raise InvalidConfiguration("the Secret's ca.crt is no certificate in PEM.") from error


def _unchecked(of: T) -> T:
    of.check_hostname, of.verify_mode = False, ssl.CERT_NONE
    return of
