"""What each condition and each reason of a condition or Event says, in one sentence for users."""

from collections.abc import Mapping

from hostwright.core.names import Condition, Disruption, Reason

CONDITIONS: Mapping[Condition, str] = {
    Condition.READY: (
        "All that this generation asks, and policy allows now, is reached; powered off, where asked, included. "
        "The message names the first blocker and who must act."
    ),
    Condition.RECONCILING: "Something is under way.",
    Condition.STALLED: "It does not go on by itself: the message says who must act.",
    Condition.PROVISIONED: (
        "The machine exists on the backend and was active once. False with the reason MachineDeletedExternally once "
        "somebody deleted it there."
    ),
    Condition.NETWORK_READY: "Every interface is there and has what was asked.",
    Condition.DISKS_READY: "Every disk of the spec is there and attached. Only of a machine that has, or had, any.",
    Condition.POWER_STATE_SYNCED: "The power is as wanted.",
    Condition.UP_TO_DATE: (
        "No change waits in `status.pendingChanges`. Unknown while the spec of a machine that runs as written names "
        "what is not there any more."
    ),
    Condition.DRIFTED: "The machine differs from what is written, and that is only reported: see `status.drift`.",
    Condition.PAUSED: "The annotation `paused` is set, or the Provider is paused: nothing is done.",
    Condition.DELETING: "The object is being deleted; the message says what it waits for, and the way out.",
    Condition.AVAILABLE: (
        "The object can be used. A VirtualMachine: it is powered on and Ready or, with `readiness.probe`, answers; "
        "both for `readiness.minReadySeconds`."
    ),
    Condition.REACHABLE: "The backend answers.",
    Condition.CREDENTIALS_VALID: "The backend takes the login.",
    Condition.IDENTITY_VERIFIED: "The server that answers is the one that was recorded, and no older object has it.",
    Condition.INSPECTED: "The server's hardware was read.",
    Condition.HEALTHY: "The BMC says that all is well with the hardware. It does not change Ready.",
    Condition.CLAIMED: "A claim has the server.",
    Condition.HELD: "The server's claim has another one, or may not have this one: nothing is done to it.",
    Condition.BOUND: "The claim has a server, and the server says so too.",
    Condition.DESTRUCTIVE_OPERATIONS_ALLOWED: (
        "Fewer machines and disks than `limits.maxDestructivePerHour` were taken away. False: nothing more is, until "
        "`limits.destructiveAcknowledged` is changed. Only of a Provider that has, or had, the limit."
    ),
    Condition.CATALOG_RESOLVED: "Every network of the catalog was found on the backend.",
    Condition.ROLLING_OUT: "Members of a pool are brought to its template; the message says what it waits for.",
    Condition.SCALING_UP: "A pool has fewer members than asked for.",
    Condition.SCALING_DOWN: "A pool has more members than asked for, or some are still going.",
}

REASONS: Mapping[Reason, str] = {
    Reason.READY: "All is as wanted.",
    Reason.AVAILABLE: "The machine is powered on, and answers where it is asked, for as long as was wished.",
    Reason.POWERED_OFF: "The machine is powered off or suspended, so that nobody can use it.",
    Reason.PROBE_FAILED: "The machine is powered on, and the port of `readiness.probe` does not answer.",
    Reason.SETTLED: "Nothing is left to do.",
    Reason.CHANGES_PENDING: "All that is allowed now is done; heavier changes wait in `status.pendingChanges`.",
    Reason.CREATING: "The machine is being made.",
    Reason.CREATED: "The machine was made.",
    Reason.IMPORTING: "The machine that `import` names is looked for, bound to the object and marked.",
    Reason.IMPORTED: "A machine that was there before is the object's now.",
    Reason.RECREATING: "Somebody else deleted the machine on the backend, and it is made again, as asked.",
    Reason.BUILDING: "The backend has accepted the machine and builds it.",
    Reason.STARTING: "The machine is being switched on.",
    Reason.STOPPING: "The machine is being switched off.",
    Reason.RESTARTING: "The machine is being restarted.",
    Reason.RESTARTED: "The machine was restarted.",
    Reason.SUSPENDING: "The machine is being suspended.",
    Reason.UPDATING: "A change is being made to the running machine.",
    Reason.RESIZING: "The machine is being given another size, or that is being confirmed.",
    Reason.RESIZED: "It has its new size (an Event).",
    Reason.REBUILDING: "The machine's root disk is being made anew.",
    Reason.REBUILT: "Its root disk is new (an Event).",
    Reason.REPLACING: "The machine is deleted, and another one is made in its place under the same identity.",
    Reason.DELETING: "The machine is being removed.",
    Reason.DELETED: "The machine is gone.",
    Reason.EXPIRED: "The time of `expireAfter` is over, and the object is deleted.",
    Reason.RELEASED: "The machine was left on the backend, without our marks; a server was seen off after its claim.",
    Reason.VERIFYING: "The outcome of a call is not known: the backend is asked before anything else is done.",
    Reason.PAUSED: "Nothing is done while paused.",
    Reason.DRIFT_DETECTED: "The machine was changed behind our back; it is reported.",
    Reason.IN_SYNC: "Wanted and found are the same.",
    Reason.UNMANAGED: "Left as found, as asked.",
    Reason.WAITING: "It waits for something named in the message.",
    Reason.PROVIDER_UNREACHABLE: "The Provider has not answered for some time; what is said may be old.",
    Reason.REACHABLE: "The backend answers.",
    Reason.VALID: "The login works.",
    Reason.RESOLVED: "All names were found.",
    Reason.WITHIN_LIMIT: "The limit is not reached.",
    Reason.IN_USE: "Machines use it.",
    Reason.SCALING_UP: "The pool makes members.",
    Reason.SCALING_DOWN: "The pool removes members, or waits until they are gone.",
    Reason.ROLLING_OUT: "The pool brings its members to the template.",
    Reason.MEMBERS_NOT_READY: "All members are there, and some are not ready yet: the message names the first.",
    Reason.MEMBER_PROTECTED: "A member that should go has `deletionProtection`: it is left alone.",
    Reason.LIMIT_REACHED: "`limits.replicas` counts all members, and is reached.",
    Reason.BOUND: "The claim has this server.",
    Reason.CONNECTING: "The BMC has not answered yet.",
    Reason.INSPECTING: "The server's hardware is being read.",
    Reason.INSPECTED: "The server's hardware was read.",
    Reason.HEALTHY: "All is well with the hardware.",
    Reason.DEGRADED: "The BMC says that something of the hardware is not well.",
    Reason.NOT_REPORTED: "The BMC does not say.",
    Reason.RESETTING_BMC: "The BMC is being restarted; the server runs on.",
    Reason.BMC_RESET: "The BMC was asked to restart.",
    Reason.FREE: "No claim has the server.",
    Reason.CLAIMED: "A claim has the server.",
    Reason.HELD: "Its claim has another server, or may not have this one.",
    Reason.RELEASING: "The server is switched off before the claim lets it go.",
    Reason.MAINTENANCE: "Somebody works at the server: its power is left alone until `maintenance.enabled` is false.",
}

DISRUPTIONS: Mapping[Disruption, str] = {
    Disruption.NONE: "No change.",
    Disruption.LIVE: "The guest notices nothing.",
    Disruption.RESTART: "The machine is restarted.",
    Disruption.REBUILD: "The machine's root disk is written anew; identity and addresses stay.",
    Disruption.REPLACE: "The machine is deleted and another one is made: name, addresses and data disks stay.",
}
