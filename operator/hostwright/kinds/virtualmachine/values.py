"""The words a VirtualMachine is written in: bounded texts, closed lists and what each of them bounds."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from hostwright.core.names import Disruption
from hostwright.core.resource import Said

#: The API server's own ip() takes no zone id, no leading zero and no IPv4-mapped IPv6. Global unicast leaves out
#: unspecified, loopback, link-local, multicast and broadcast. One spelling only, because found addresses are compared as
#: text. An address equal to its masked prefix is the network's own.
Address = Annotated[
    str,
    StringConstraints(min_length=2, max_length=43),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "isCIDR(self) && cidr(self).ip().isGlobalUnicast() && string(cidr(self)) == self",
                    "message": "write a unicast address with its prefix length in the shortest form and lower case, such as 10.1.2.10/24 or fd00::10/64",
                },
                {
                    "rule": "!isCIDR(self) || (cidr(self).prefixLength() > 0 && (cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 31 : 127) || string(cidr(self).masked()) != self))",
                    "message": "this is the network itself, not an address in it, such as 10.1.2.10/24",
                },
            ]
        }
    ),
]
#: One spelling only, because found addresses are compared as text.
IP = Annotated[
    str,
    StringConstraints(min_length=2, max_length=39),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "isIP(self) && ip(self).isGlobalUnicast() && string(ip(self)) == self",
                    "message": "write a unicast address without prefix length, in the shortest form and lower case, such as 203.0.113.7",
                }
            ]
        }
    ),
]
Mac = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$", max_length=17),
    Said("write a unicast MAC address in lower case with colons, such as 02:16:3e:00:00:01"),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"rule": "self != '00:00:00:00:00:00'", "message": "the MAC address of zeros belongs to nobody"}
            ]
        }
    ),
]
#: Nova takes no host name of one character (nova/api/validation/parameter_types.py: hostname).
Hostname = Annotated[
    str,
    StringConstraints(min_length=2, max_length=63, pattern=r"^[a-z0-9][-a-z0-9]*[a-z0-9]$"),
    Said("a host name has lower-case letters, digits and '-', and begins and ends with a letter or a digit"),
]
TagKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"),
    Said("a tag's key has letters, digits, '-', '_' and '.', and begins and ends with a letter or a digit"),
]
LabelTag = Annotated[
    str,
    StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"),
    Said("a label that becomes a tag has a key of letters, digits, '-', '_' and '.', without a prefix before a '/'"),
]
TagValue = Annotated[
    str,
    StringConstraints(max_length=27, pattern=r"^[-A-Za-z0-9_.:@ ]*$"),
    Said("a tag's value has letters, digits, blanks and the signs - _ . : @"),
]
SshKey = Annotated[
    str,
    StringConstraints(
        min_length=40,
        max_length=8192,
        pattern=r"^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/=]+( [^\x00-\x1f\x7f]*)?$",
    ),
    Said("write a public key as OpenSSH does, on one line and without options, such as: ssh-ed25519 AAAA… name"),
]


IgnoredPath = Annotated[
    str,
    StringConstraints(min_length=2, max_length=128, pattern=r"^/[^\x00-\x1f\x7f]+$"),
    Said("write the path of a field below spec, such as /tags or /tags/owner"),
]
SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}


def between(least: str, most: str) -> dict[str, Any]:
    """CEL on a duration."""
    return {
        "x-kubernetes-validations": [
            {
                "rule": f"duration(self) >= duration('{least}') && duration(self) <= duration('{most}')",
                "message": f"write a duration between {least} and {most}, such as 90s or 10m",
            }
        ]
    }


#: Of expireAfter.
NEVER = "Never"
Lifetime = Annotated[
    str,
    StringConstraints(
        min_length=2, max_length=16, pattern=rf"^({NEVER}|([0-9]{{1,5}}h)?([0-9]{{1,5}}m)?([0-9]{{1,6}}s)?)$"
    ),
    Said("write Never, or a duration with its units, such as 90m or 8h"),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": "self == 'Never' || (duration(self) >= duration('1m') && duration(self) <= duration('8760h'))",
                    "message": "write Never, or a duration between 1m and 8760h (a year), such as 8h",
                }
            ]
        }
    ),
]


class PowerState(StrEnum):
    POWERED_ON = "PoweredOn"
    POWERED_OFF = "PoweredOff"
    SUSPENDED = "Suspended"
    UNMANAGED = "Unmanaged"


class PowerOffMode(StrEnum):
    TRY_SOFT = "TrySoft"
    SOFT = "Soft"
    HARD = "Hard"


class ManagementPolicy(StrEnum):
    MANAGED = "Managed"
    OBSERVE_ONLY = "ObserveOnly"


class DeletionPolicy(StrEnum):
    DELETE = "Delete"
    RETAIN = "Retain"


class ImportPolicy(StrEnum):
    ADOPT = "Adopt"
    ADOPT_OR_CREATE = "AdoptOrCreate"


class OnExternalDeletion(StrEnum):
    REPORT = "Report"
    RECREATE = "Recreate"


class DriftMode(StrEnum):
    ENABLED = "Enabled"
    WARN = "Warn"
    DISABLED = "Disabled"


class MaxDisruption(StrEnum):
    NONE = "None"
    LIVE = "Live"
    RESTART = "Restart"
    REBUILD = "Rebuild"
    REPLACE = "Replace"


class OnBootstrapChange(StrEnum):
    IGNORE = "Ignore"
    REBUILD = "Rebuild"
    REPLACE = "Replace"


CEILING: dict[MaxDisruption, Disruption] = {each: Disruption(each) for each in MaxDisruption}
