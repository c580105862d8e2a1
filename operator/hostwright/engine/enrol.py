"""The login of a physical machine's BMC: read from its own Secret when there is a reason to, handed to the session."""

from dataclasses import dataclass

from hostwright.core.errors import CredentialsMissing, Failure
from hostwright.core.port import Present
from hostwright.engine.ports import Secret
from hostwright.engine.recall import Recall
from hostwright.engine.view import Tools, View
from hostwright.engine.world import is_deleting
from hostwright.kinds.physicalmachine.port import Access, PhysicalMachineProvider
from hostwright.kinds.physicalmachine.resource import Bmc, PhysicalMachineSpec
from hostwright.kinds.physicalmachine.status import PhysicalMachineStatus
from hostwright.kinds.physicalmachine.values import TlsMode

#: A Secret that is missing, incomplete or rejected is read again after this (PROTOCOLS section 7).
SECRET_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Login:
    """What was read, for which spec; never in steady state again."""

    provider: str
    machine_id: str
    asked: tuple[Bmc, str]  # the BMC's part of the spec, and requests.retry
    access: Access | None
    failure: Failure | None  # why there is no access
    read_at: float
    rejected: int = 0  # logins refused so far, when it was read


async def enrol(tools: Tools, view: View, spec: PhysicalMachineSpec, recall: Recall) -> Login | None:
    """The login in use after this pass's looks at the Secret; None: the Provider is not there, or not for this one."""
    machines: PhysicalMachineProvider | None = view.machines
    name, machine_id = spec.provider_ref.name, view.trace.machine_id
    backend = tools.world.backend(view.key.namespace, name, view.kind.name, leaving=is_deleting(view.body))
    if machines is None or backend.failure is not None:
        return None
    login = recall.login if isinstance(recall.login, Login) else None
    asked = (spec.bmc, spec.requests.retry)
    if login is None or (login.provider, login.machine_id, login.asked) != (name, machine_id, asked):
        login = await _read(tools, view, spec, 0)
    if login.access is not None:
        machines.enrol(machine_id, login.access)
    refused = _refused(machines, view)
    stale = tools.clock.monotonic() - login.read_at >= SECRET_EVERY
    if refused > login.rejected or (stale and (refused or login.access is None)):
        login = await _read(tools, view, spec, refused)
        if login.access is not None:
            machines.enrol(machine_id, login.access)
    recall.login = login
    return login


def dismiss(tools: Tools, recall: Recall, kind: str) -> None:
    """The object is gone: nothing is asked of its BMC any more."""
    if isinstance(recall.login, Login):
        machines: PhysicalMachineProvider | None = tools.world.machines(recall.login.provider, kind)
        if machines is not None:
            machines.dismiss(recall.login.machine_id)
        recall.login = None


def _refused(machines: PhysicalMachineProvider, view: View) -> int:
    look = machines.look(view.trace)
    return look.found.rejected if isinstance(look, Present) else 0


async def _read(tools: Tools, view: View, spec: PhysicalMachineSpec, refused: int) -> Login:
    now = tools.clock.monotonic()
    asked = (spec.bmc, spec.requests.retry)
    base = (spec.provider_ref.name, view.trace.machine_id, asked)
    try:
        return Login(*base, await _access(tools, view, spec), None, now, refused)
    except CredentialsMissing as failure:
        return Login(*base, None, failure, now, refused)


async def _access(tools: Tools, view: View, spec: PhysicalMachineSpec) -> Access:
    name = spec.bmc.credentials_ref.name
    secret = await tools.cluster.secret(view.key.namespace, name)
    if secret is None:
        raise CredentialsMissing(f"Secret {name!r} (bmc.credentialsRef) is not there: create it.")
    return Access(
        address=spec.bmc.address.rstrip("/"),
        username=_text(secret, name, "username"),
        password=_text(secret, name, "password"),
        system_id=spec.bmc.system_id,
        insecure=spec.bmc.tls.mode is TlsMode.INSECURE,
        ca=await _authorities(tools, view, spec),
        resource_version=secret.resource_version,
        retry=spec.requests.retry,
        rejected=_counted(view, spec, secret.resource_version),
    )


def _text(secret: Secret, name: str, key: str) -> str:
    """Without the newline that an editor leaves."""
    try:
        text = secret.data.get(key, b"").decode().strip("\r\n")
    except UnicodeDecodeError:
        raise CredentialsMissing(f"Secret {name!r} (bmc.credentialsRef): {key} is no text.") from None
    if not text:
        raise CredentialsMissing(f"Secret {name!r} (bmc.credentialsRef) needs the keys username and password.")
    return text


async def _authorities(tools: Tools, view: View, spec: PhysicalMachineSpec) -> bytes:
    ref = spec.bmc.tls.ca_bundle_ref
    if ref is None:
        return b""
    secret = await tools.cluster.secret(view.key.namespace, ref.name)
    if secret is None or not secret.data.get(ref.key):
        raise CredentialsMissing(f"Secret {ref.name!r} with the key {ref.key!r} (bmc.tls.caBundleRef) is not there.")
    return secret.data[ref.key]


def _counted(view: View, spec: PhysicalMachineSpec, version: str) -> int:
    """What this Secret was refused before, by a process that is no more; a new token begins anew."""
    status = PhysicalMachineStatus.model_validate(view.body.get("status") or {})
    known, handled, token = status.credentials, status.handled, spec.requests.retry
    anew = bool(token) and handled is not None and handled.get("retry", "") != token
    return known.rejected if known is not None and known.resource_version == version and not anew else 0
