"""User data for cloud-init: the user's own part unread, ours beside it, joined as MIME."""

import json
from collections.abc import Sequence
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

_TYPES = (
    (b"#cloud-config-archive", "cloud-config-archive"),
    (b"#cloud-config", "cloud-config"),
    (b"#!", "x-shellscript"),
    (b"#cloud-boothook", "cloud-boothook"),
    (b"#include", "x-include-url"),
    (b"#part-handler", "part-handler"),
    (b"## template: jinja", "jinja2"),
)
#: cloud-init's default is to replace lists; keys given in both places must add up.
_MERGE = "list(append)+dict(no_replace,recurse_list)+str()"


def compose(user_data: bytes | None, ssh_keys: Sequence[str], boundary: str) -> bytes | None:
    """What the backend is given: the user's bytes as they are, unless there are keys to add.

    `boundary` is the caller's (deterministic) MIME boundary. User data that is no text cloud-init knows (gzip, a MIME
    message of its own) cannot be joined with keys: raises ValueError.
    """
    if not ssh_keys:
        return user_data
    ours = "#cloud-config\n" + json.dumps({"ssh_authorized_keys": list(ssh_keys)}) + "\n"
    if user_data is None:
        return ours.encode()
    kind = next((kind for start, kind in _TYPES if user_data.startswith(start)), None)
    if kind is None:
        raise ValueError(
            "user data that cloud-init does not know by its first line cannot be joined with sshAuthorizedKeys"
        )
    message = MIMEMultipart(boundary=boundary)
    message.attach(MIMEText(user_data.decode(), kind, "utf-8"))
    part = MIMEText(ours, "cloud-config", "utf-8")
    part.add_header("Merge-Type", _MERGE)
    message.attach(part)
    return message.as_bytes()
