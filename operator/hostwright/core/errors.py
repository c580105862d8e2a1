"""The failure tree: the class says what to do, its name is the reason and the metric label.

Failure
├── Transient      back off and look again          Unreachable, TimedOut
├── Throttled      the endpoint pauses
├── Capacity       retried slowly, always           QuotaExceeded, NoValidHost, HostDown, ResizeFailed …
├── Rejected       the user must act: Stalled       InvalidConfiguration, NotFound and the other names below
├── Denied         the Provider's credentials       CredentialsRejected, CredentialsMissing, IdentityChanged …
├── Ambiguous      verify before anything else      OutcomeUnknown
├── Conflict       somebody else's machine          OwnershipConflict, OwnershipMismatch, MachineExists
└── Bug            ours: traceback, back off
"""

from hostwright.core.names import Actor

#: A backend's own words are cut to this many characters; the schema bounds messages at 1,024.
MESSAGE_LIMIT = 800
#: The schema's bounds of `status.lastError`: a write of ours that it refuses would be refused for ever.
CODE_LIMIT, REQUEST_ID_LIMIT = 32, 128


class Failure(Exception):  # noqa: N818 - every leaf is a condition reason, and reasons do not end in Error
    """A provider or platform failure in our words. `message` is for the user: what, which object, what to do."""

    actor: Actor = Actor.WAIT

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        actor: Actor | None = None,  # where it is another than of most failures of the class
    ) -> None:
        super().__init__(message)
        self.message = message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
        self.code = code[:CODE_LIMIT]
        self.request_id = request_id[:REQUEST_ID_LIMIT]
        self.retry_after = retry_after
        self.actor = actor or type(self).actor

    @property
    def reason(self) -> str:
        """The condition reason and metric label: the name of the class."""
        return type(self).__name__


class Transient(Failure):
    """The call did not happen or may be repeated; back off 1 s to 5 min."""


class Unreachable(Transient):
    """The endpoint refused the connection or could not be resolved: nothing was sent."""


class GroupNotReady(Transient):
    """The group of the machine is being made, or taken away: the machine is made once it is there."""


class Throttled(Failure):
    """The endpoint asks for less; `retry_after` seconds if it says so."""


class Capacity(Failure):
    """No room now; retried slowly, for ever."""

    actor = Actor.PLATFORM
    goes_on = "Tried again until there is room."  # told with it


class QuotaExceeded(Capacity):
    """The project's quota is used up."""


class GroupQuotaExceeded(Capacity):
    """The project's quota of server groups is used up."""


class GroupFull(Capacity):
    """The server group has as many members as the project's quota allows."""


class NoValidHost(Capacity):
    """The scheduler found no host."""


class NoMachineAvailable(Capacity):
    """No PhysicalMachine can be taken by the claim now; the message counts why."""


class DestructiveLimitReached(Capacity):
    """The Provider's `limits.maxDestructivePerHour` is reached: nothing is taken away until it is acknowledged."""

    goes_on = ""


class BuildFailed(Capacity):
    """The server ended in ERROR, or its build never ended, before it was ever ACTIVE: made again."""

    goes_on = "Tried again, with growing pauses."


class ResizeFailed(Capacity):
    """A resize was accepted and came to nothing: the machine runs on with its old size. Tried again."""

    goes_on = "Tried again, with growing pauses."


class PowerFailed(Capacity):
    """A change of power was accepted and came to nothing: the machine is as it was. Tried again."""

    goes_on = "Tried again every five minutes."


class HostDown(Capacity):
    """The host that the machine is on does not answer its backend: the machine may run on, and nothing can be done."""

    goes_on = "Tried again, with growing pauses."


class RebuildFailed(Capacity):
    """A rebuild was accepted and came to nothing: the machine is as it was. Tried again."""

    goes_on = "Tried again, with growing pauses."


class Rejected(Failure):
    """The backend or the platform refuses this object as written; nothing was made."""

    actor = Actor.YOU


class InvalidConfiguration(Rejected):
    """What is written cannot be made as written."""


class BackendTooOld(InvalidConfiguration):
    """The backend's API is older than the oldest that is enough: the Provider is not connected, and no call is made."""

    actor = Actor.PLATFORM


class ProviderNotFound(Rejected):
    """`providerRef` names no Provider."""


class ProviderNotAllowed(Rejected):
    """The Provider does not serve this namespace."""


class ClassNotFound(Rejected):
    """`classRef` names no MachineClass, or one that this namespace may not use."""


class ImageNotFound(Rejected):
    """`imageRef` names no MachineImage, or no source of it for this Provider."""


class ImageNotResolved(Rejected):
    """The MachineImage is there; the backend has no such image, or several."""


class FlavorNotFound(Rejected):
    """No flavor of this name, or none of exactly this size."""


class NetworkNotFound(Rejected):
    """The network is not in the Provider's catalog, or not on the backend."""


class NameAmbiguous(Rejected):
    """Several objects of the backend bear the name."""


class SecurityGroupNotFound(Rejected):
    """No security group of this name."""


class StorageClassNotFound(Rejected):
    """The storage class is not in the Provider's catalog, or what it names is not on the backend."""


class VolumeNotFound(Rejected):
    """The backend has no volume of the id that a disk's source names."""


class VolumeInUse(Rejected):
    """The volume that a disk's source names is attached to another machine."""


class VolumesNotKept(Rejected):
    """With the machine, the backend would delete volumes that somebody else attached, and it cannot be told not to."""


class GroupNotFound(Rejected):
    """No server group of this id."""


class KeyPairNotFound(Rejected):
    """No key pair of this name."""


class UserDataMissing(Rejected):
    """The Secret or its key named by `userDataRef` is not there."""


class AddressInUse(Rejected):
    """A stranger holds the fixed address, the MAC address or the floating IP asked for."""


class FloatingIPNotFound(Rejected):
    """The project has no floating IP of the address asked for."""


class MachineDeletedExternally(Rejected):
    """The machine was deleted behind our back; reported, and made again only with `onExternalDeletion: Recreate`."""


class DiskDeletedExternally(Rejected):
    """A disk that held data was deleted behind our back; reported, not replaced by an empty one."""


class MachineFailed(Rejected):
    """The machine was ready once and is now in ERROR; never answered with a delete."""

    actor = Actor.PLATFORM


class MachineGone(Rejected):
    """The PhysicalMachine of a bound claim does not exist any more; no other one is taken for it."""


class DeleteTimedOut(Rejected):
    """The deletion takes longer than `timeouts.delete`; tried on."""

    actor = Actor.PLATFORM


class ProviderDeleted(Rejected):
    """The Provider of a machine that still has a ledger is gone."""


class Denied(Failure):
    """The Provider's credentials do not work; concerns every machine of it."""

    actor = Actor.PLATFORM


class CredentialsRejected(Denied):
    """The backend refuses the login."""


class CredentialsMissing(Denied):
    """The Secret named by `credentialsRef` is missing or incomplete."""


class IdentityChanged(Denied):
    """The login leads to another project, region or site than the one recorded."""


class Ambiguous(Failure):
    """The outcome of a call is not known: timeout, cut connection, 5xx. Verify."""


class Conflict(Failure):
    """Something that bears our name or mark is not ours to touch."""

    actor = Actor.YOU


class ImportNotFound(Rejected):
    """No machine on the Provider is as `import` says."""


class ImportAmbiguous(Rejected):
    """Several machines on the Provider are as `import` says."""


class ImportConflict(Conflict):
    """The machine that `import` names is another object's, or another operator's."""


class OwnershipConflict(Conflict):
    """Another object has the same machine id."""


class MachineExists(Conflict):
    """A machine of this namespace and name exists under another machine id."""


class NameTaken(Conflict):
    """Another object has the name that a pool's member would have."""


class SelectorOverlap(Conflict):
    """An older pool of the namespace selects the same members: nothing is taken from it, and nothing is made."""


class MachineTaken(Conflict):
    """The PhysicalMachine of a bound claim is bound to another claim too, which it follows."""

    actor = Actor.PLATFORM


class OwnershipMismatch(Conflict):
    """Something bears our mark, or is named by the ledger, that we did not make; left alone."""


class Bug(Failure):
    """An exception nobody declared: logged with its traceback, backed off."""

    actor = Actor.PLATFORM


class MachineHeld(Rejected):
    """The backend holds the machine in a state that no wish of ours leads out of (shelved, rescued, locked …)."""

    actor = Actor.PLATFORM


class PowerOffTimedOut(Rejected):
    """A soft power-off takes longer than `timeouts.powerOff`."""

    actor = Actor.PLATFORM


class ResizeTimedOut(Rejected):
    """A resize takes longer than `timeouts.resize`."""

    actor = Actor.PLATFORM


class DiskTimedOut(Rejected):
    """What the backend does with a disk takes longer than `timeouts.resize`."""

    actor = Actor.PLATFORM


class RebuildTimedOut(Rejected):
    """A rebuild takes longer than `timeouts.resize`."""

    actor = Actor.PLATFORM


class NotBound(Rejected):
    """ObserveOnly on an object that has no machine."""
