"""What became of an action that Nova accepted, by its own record; an ordinary user is told little of it."""

from hostwright.core.errors import Failure, NoValidHost, RebuildFailed, ResizeFailed, Transient
from hostwright.core.port import CLOCK_TOLERANCE
from hostwright.providers.openstack.calls import Asked
from hostwright.providers.openstack.errors import is_full
from hostwright.providers.openstack.read import parse
from hostwright.providers.openstack.rows import Action


def came_to_nothing(action: str) -> type[Failure]:
    return RebuildFailed if action == "rebuild" else ResizeFailed


def why(asked: Asked, action: Action | None) -> Failure:
    """`action`: the newest of this name; None: there is none, or it may not be read.

    `details` of an event are shown to administrators by default (nova/policies/instance_actions.py); to others an event
    says only that it ended in Error. What no host took part in is the scheduler's: its events are not `compute_…`.
    """
    started = parse(f"{action.start_time}+00:00") if action is not None and action.start_time else None
    if action is None or started is None or (asked.since is not None and started < asked.since - CLOCK_TOLERANCE):
        return Transient(f"Nova has no record of the {asked.action} to {asked.to}: it is asked for again")
    failed = [event for event in action.events if event.result == "Error"]
    words = next((event.details for event in failed if event.details), "")
    names = ", ".join(event.event for event in failed)
    if not failed and any(event.result is None for event in action.events):  # the server rests before this is noted
        return Transient(f"Nova has not noted yet how the {asked.action} to {asked.to} ended: it is asked for again")
    if not failed:
        text = f"the {asked.action} to {asked.to} was taken back, and Nova records no error: somebody reverted it"
        return came_to_nothing(asked.action)(text, request_id=action.request_id)
    if is_full(words):
        return NoValidHost(f"Nova says of the {asked.action} to {asked.to}: {words}", request_id=action.request_id)
    if not words and not any(event.event.startswith("compute_") for event in failed):
        text = (
            f"no valid host was found for the {asked.action} to {asked.to}: Nova's scheduling of it ended in an "
            f"error ({names}), and what exactly it tells to administrators only. The server runs on as it was"
        )
        return NoValidHost(text, request_id=action.request_id)
    text = f"Nova's {asked.action} to {asked.to} ended in an error ({names}): {words or 'no words are shown to us'}"
    return came_to_nothing(asked.action)(f"{text}. The server runs on as it was", request_id=action.request_id)
