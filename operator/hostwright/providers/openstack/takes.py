"""What Nova would not take of a wish: told before any call, with the field and the remedy."""

import re
from collections.abc import Callable, Mapping

from hostwright.core import errors

#: Nova's bound of a tag.
TAG_LIMIT = 60
#: Tags of one server (nova/objects/instance.py: MAX_TAG_COUNT).
MOST_TAGS = 50
#: What Nova takes from microversion 2.90 on (tried).
HOSTNAME = re.compile(r"(?=.{2,63}$)[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+")


def hostname(written: str | None, effective: str, *, taken: bool) -> str:
    """Empty on a cloud that gives the server's own name to the guest (`taken` False)."""
    if not taken and written:
        raise errors.InvalidConfiguration(
            f"this cloud's Nova takes no host name (from microversion 2.90 on): remove spec.network.hostname "
            f"{written!r}. The guest is then called as the server is."
        )
    if not taken:
        return ""
    if not HOSTNAME.fullmatch(effective):
        raise errors.InvalidConfiguration(
            f"Nova takes no host name {effective!r}: 2 to 63 letters, digits and dashes, no dash at its ends. "
            "Set spec.network.hostname."
        )
    return effective


def tags(wished: Mapping[str, str], remedy: Callable[[str], str]) -> None:
    """With the tag's key: what Nova would refuse, or what could not be read back."""
    for key, value in wished.items():
        if len(key) + len(value) + 1 > TAG_LIMIT:
            raise errors.InvalidConfiguration(
                f"tag {key!r} is too long: Nova holds {TAG_LIMIT} characters of key=value.{remedy(key)}"
            )
        if set("/,") & set(key + value):
            raise errors.InvalidConfiguration(
                f"tag {key!r} holds '/' or ',', which no tag of Nova may. Reword it.{remedy(key)}"
            )
        if not key or "=" in key or key.startswith("hw:"):
            raise errors.InvalidConfiguration(
                f"tag {key!r} cannot be kept on Nova: a key is not empty, has no '=' and does not begin with 'hw:'."
            )
    if len(wished) >= MOST_TAGS:
        raise errors.InvalidConfiguration(
            f"{len(wished)} tags with the Provider's defaults and propagated labels: Nova holds {MOST_TAGS}, "
            "the owner mark included."
        )
