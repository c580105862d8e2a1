"""Every word that leaves the process and is not an error's reason, spelled once."""

import hashlib
import re
from enum import StrEnum

PROJECT = "hostwright"
GROUP = "compute.hostwright.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = PROJECT

FINALIZER = f"{GROUP}/finalizer"
#: kopf strips the finalizer of this name from every object it sees, so it must never be ours.
KOPF_FINALIZER = f"{GROUP}/unused-by-design"
FINALIZER_SECRET = f"{GROUP}/in-use"

ANNOTATION_MACHINE_ID = f"{GROUP}/machine-id"
ANNOTATION_PAUSED = f"{GROUP}/paused"
#: On a pool's member: removed first when the pool shrinks, or last.
ANNOTATION_DELETE_MACHINE = f"{GROUP}/delete-machine"
ANNOTATION_DO_NOT_DISRUPT = f"{GROUP}/do-not-disrupt"

#: Labels of a server that a claim's choice is spread over.
LABEL_ZONE = "topology.kubernetes.io/zone"
LABEL_RACK = f"{GROUP}/rack"

DEFAULT_OPERATOR_NAMESPACE = "hostwright-system"
#: The ClusterRole of what the operator may do where machines are.
MACHINES_ROLE = f"{PROJECT}-machines"
CLUSTER_ID_CONFIGMAP = "hostwright-cluster-id"
LEASE = "hostwright"
FIELD_MANAGER = PROJECT
#: Of server-side applies, which only pools make, for their members.
POOL_FIELD_MANAGER = f"{PROJECT}-pool"


class Condition(StrEnum):
    """Types of `status.conditions`."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    PROVISIONED = "Provisioned"
    NETWORK_READY = "NetworkReady"
    DISKS_READY = "DisksReady"
    POWER_STATE_SYNCED = "PowerStateSynced"
    UP_TO_DATE = "UpToDate"
    DRIFTED = "Drifted"
    PAUSED = "Paused"
    DELETING = "Deleting"
    AVAILABLE = "Available"
    REACHABLE = "Reachable"
    CREDENTIALS_VALID = "CredentialsValid"
    CATALOG_RESOLVED = "CatalogResolved"
    DESTRUCTIVE_OPERATIONS_ALLOWED = "DestructiveOperationsAllowed"
    ROLLING_OUT = "RollingOut"
    SCALING_UP = "ScalingUp"
    SCALING_DOWN = "ScalingDown"
    IDENTITY_VERIFIED = "IdentityVerified"
    INSPECTED = "Inspected"
    HEALTHY = "Healthy"
    CLAIMED = "Claimed"
    HELD = "Held"
    BOUND = "Bound"


#: Present only while true (kstatus); every other condition stays with the value False or Unknown.
ONLY_WHILE_TRUE = frozenset(
    {
        *(Condition.RECONCILING, Condition.STALLED, Condition.DRIFTED, Condition.PAUSED, Condition.DELETING),
        *(Condition.ROLLING_OUT, Condition.SCALING_UP, Condition.SCALING_DOWN, Condition.HELD),
    }
)


class Reason(StrEnum):
    """Reasons of conditions and Events that are not failures (those are the class names in core/errors.py)."""

    READY = "Ready"
    AVAILABLE = "Available"
    POWERED_OFF = "PoweredOff"
    PROBE_FAILED = "ProbeFailed"
    SETTLED = "Settled"
    CHANGES_PENDING = "ChangesPending"
    CREATING = "Creating"
    CREATED = "Created"
    IMPORTING = "Importing"
    IMPORTED = "Imported"
    RECREATING = "Recreating"
    BUILDING = "Building"
    STARTING = "Starting"
    STOPPING = "Stopping"
    SUSPENDING = "Suspending"
    RESTARTING = "Restarting"
    RESTARTED = "Restarted"
    UPDATING = "Updating"
    RESIZING = "Resizing"
    RESIZED = "Resized"
    REBUILDING = "Rebuilding"
    REBUILT = "Rebuilt"
    REPLACING = "Replacing"
    DELETING = "Deleting"
    DELETED = "Deleted"
    EXPIRED = "Expired"
    RELEASED = "Released"
    VERIFYING = "Verifying"
    PAUSED = "Paused"
    DRIFT_DETECTED = "DriftDetected"
    IN_SYNC = "InSync"
    UNMANAGED = "Unmanaged"
    WAITING = "Waiting"
    PROVIDER_UNREACHABLE = "ProviderUnreachable"
    REACHABLE = "Reachable"
    VALID = "Valid"
    RESOLVED = "Resolved"
    WITHIN_LIMIT = "WithinLimit"
    IN_USE = "InUse"
    SCALING_UP = "ScalingUp"
    SCALING_DOWN = "ScalingDown"
    ROLLING_OUT = "RollingOut"
    MEMBERS_NOT_READY = "MembersNotReady"
    MEMBER_PROTECTED = "MemberProtected"
    LIMIT_REACHED = "LimitReached"
    CONNECTING = "Connecting"
    INSPECTING = "Inspecting"
    INSPECTED = "Inspected"
    HEALTHY = "Healthy"
    DEGRADED = "Degraded"
    NOT_REPORTED = "NotReported"
    MAINTENANCE = "Maintenance"
    RESETTING_BMC = "ResettingBMC"
    BMC_RESET = "BMCReset"
    FREE = "Free"
    CLAIMED = "Claimed"
    RELEASING = "Releasing"
    HELD = "Held"
    BOUND = "Bound"


class Actor(StrEnum):
    """Who must act next."""

    YOU = "You"
    PLATFORM = "Platform"
    WAIT = "Wait"


class Disruption(StrEnum):
    """What a change of a field does to a running machine, lightest first; `maxDisruption` is the ceiling."""

    NONE = "None"
    LIVE = "Live"
    RESTART = "Restart"
    REBUILD = "Rebuild"
    REPLACE = "Replace"

    @property
    def weight(self) -> int:
        return _WEIGHTS[self]


_WEIGHTS = {each: weight for weight, each in enumerate(Disruption)}


class WaitingFor(StrEnum):
    """Why a pending change waits."""

    MAX_DISRUPTION = "MaxDisruption"
    SPEC_CHANGE = "SpecChange"
    DO_NOT_DISRUPT = "DoNotDisrupt"
    NOT_YET_SUPPORTED = "NotYetSupported"


class Phase(StrEnum):
    """`status.phase` of a VirtualMachine: for people, never an input."""

    PENDING = "Pending"
    PROVISIONING = "Provisioning"
    RUNNING = "Running"
    STOPPED = "Stopped"
    UPDATING = "Updating"
    DELETING = "Deleting"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


#: What every owner mark begins with, of whatever cluster.
MARK = "hw:"


def owner_mark(cluster_id: str, machine_id: str) -> str:
    """The 52 characters written onto everything made for one machine; a Nova tag holds 60."""
    return f"{mark_prefix(cluster_id)}{machine_id.replace('-', '')}"


def mark_prefix(cluster_id: str) -> str:
    """What every owner mark of one cluster begins with."""
    return f"{MARK}{hashlib.sha256(cluster_id.encode()).hexdigest()[:16]}:"


def provider_name(namespace: str, name: str, machine_id: str, limit: int = 63) -> str:
    """`<namespace>-<name>-<hash>`: readable, deterministic and unique, cut to the backend's limit."""
    digest = hashlib.sha256(machine_id.encode()).hexdigest()[:5]
    head = re.sub(r"[^a-z0-9-]", "-", f"{namespace}-{name}")[: limit - len(digest) - 1].rstrip("-")
    return f"{head}-{digest}"
