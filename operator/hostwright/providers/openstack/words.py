"""What a server's state says to people: Nova's words, who did it where that is known, and what ends it."""

from hostwright.providers.openstack.rows import Server

#: Status → what somebody did, and the command that ends it.
_HELD = {
    "PAUSED": ("somebody paused the server", "Unpause it (openstack server unpause {id})"),
    "SHELVED": ("somebody shelved the server", "Unshelve it (openstack server unshelve {id})"),
    "SHELVED_OFFLOADED": ("somebody shelved the server", "Unshelve it (openstack server unshelve {id})"),
    "RESCUE": ("somebody booted the server into rescue", "End that (openstack server unrescue {id})"),
}


def held(server: Server) -> str:
    """Why nothing is done to it."""
    if server.locked:
        reason = f": {server.locked_reason}" if server.locked_reason else ""
        return f"the server is locked{reason}. Unlock it (openstack server unlock {server.id})"
    if server.reclaimable:
        return "Nova says SOFT_DELETED: somebody deleted the server, and until Nova reclaims it, it can be restored"
    if server.status in _HELD:
        done, remedy = _HELD[server.status]
        return f"Nova says {server.status}: {done}. {remedy.format(id=server.id)}"
    if server.status == "UNKNOWN":
        return "Nova says UNKNOWN: the cell of Nova that holds the server does not answer"
    return f"Nova says {server.status}"


def resized(server: Server) -> str:
    return (
        f"Nova says VERIFY_RESIZE: somebody resized the server to {server.flavor.original_name}. Confirm that "
        f"(openstack server resize confirm {server.id}), or revert it (openstack server resize revert {server.id})"
    )
