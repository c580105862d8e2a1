"""What goes in wrong, a row for each kind of it, and the tests that send it: nothing is forgotten by accident.

The numbers are those of the project's list of bad inputs; a row without tests says why there is nothing to send yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass

INPUTS = "generated/test_inputs.py::test_a_bad_spec_is_refused_with_a_sentence"
METAL = "generated/test_metal_inputs.py::test_a_bad_spec_is_refused_with_a_sentence"
PLATFORM = "generated/test_platform_inputs.py::test_a_bad_spec_is_refused_with_a_sentence"
POOLS = "generated/test_pools.py::test_what_cannot_be_is_refused_in_words"
ADMISSION = "generated/test_admission.py"
MISUSE = "e2e/test_misuse.py"
LACKING = "e2e/test_bad_input.py::test_what_is_lacking_is_told_and_nothing_is_made"
MENDED = "e2e/test_bad_input.py::test_each_gets_ready_by_itself_once_its_cause_is_removed"
OPENSTACK = "e2e/test_bad_input.py::test_on_openstack_what_is_missing_or_ambiguous_is_told_and_mended"
REACHED = "providers/redfish/test_reached.py"
HOSTILE = "providers/redfish/test_hostile.py"
PURE = "providers/redfish/test_pure.py"


@dataclass(frozen=True)
class Row:
    what: str
    tests: tuple[str, ...] = ()
    why_none: str = ""


def _row(what: str, *tests: str, why_none: str = "") -> Row:
    return Row(what, tests, why_none)


ROWS: Mapping[int, Row] = {
    1: _row("empty spec", "generated/test_inputs.py::test_an_empty_spec_is_refused", "e2e/test_bad_input.py"),
    2: _row(
        "unknown field",
        f"{INPUTS}[unknown field]",
        "generated/test_inputs.py::test_without_strict_validation_an_unknown_field_is_dropped_and_told",
    ),
    3: _row("blocks of two backends, or none", f"{INPUTS}[two backends' blocks]", f"{PLATFORM}[block of another type]"),
    4: _row(
        "another provider on a live machine",
        "e2e/test_bad_input.py::test_what_is_immutable_and_what_is_protected_is_refused_on_a_live_machine",
    ),
    5: _row("replicas that cannot be", POOLS),
    6: _row("sizes that cannot be", f"{INPUTS}[no cpu]", f"{INPUTS}[negative memory]", f"{INPUTS}[exponent]"),
    7: _row("names that a backend cannot take", "generated/test_inputs.py::test_a_bad_name_is_refused"),
    8: _row("a name that is a pattern", f"{MISUSE}::test_a_name_that_is_a_pattern_is_a_name"),
    9: _row(
        "names that are equal once joined or cut",
        "core/test_names.py::test_names_that_are_equal_once_joined_or_cut_are_told_apart",
    ),
    10: _row("letters that are not what they seem", f"{INPUTS}[hostname with a right-to-left mark]"),
    11: _row(
        "too much of everything",
        "generated/test_inputs.py::test_a_spec_of_more_than_a_megabyte_is_refused",
        f"{INPUTS}[17 interfaces]",
        f"{INPUTS}[41 tags]",
    ),
    12: _row("two of one name in a list", f"{INPUTS}[two interfaces of one name]"),
    13: _row("metadata and tags that Nova cannot hold", f"{INPUTS}[metadata value of 256]", f"{INPUTS}[41 tags]"),
    14: _row("user data that Nova cannot hold", "e2e/test_canary.py"),
    15: _row("user data of any kind", f"{MISUSE}::test_user_data_reaches_nova_byte_for_byte"),
    16: _row("a host name that would be a line of cloud-init", f"{INPUTS}[hostname with a newline]"),
    17: _row("SSH keys that are more than keys", f"{INPUTS}[SSH key with options]", f"{INPUTS}[SSH key of a megabyte]"),
    18: _row(
        "words of template languages",
        "generated/test_good_inputs.py[words of templates are words]",
        f"{MISUSE}::test_user_data_reaches_nova_byte_for_byte",
    ),
    19: _row("addresses that nobody can have", f"{INPUTS}[the network itself]", f"{INPUTS}[zone id]"),
    20: _row(
        "MAC addresses that nobody can have, or somebody has",
        f"{INPUTS}[multicast MAC]",
        "providers/openstack/test_lab.py::test_strangers_addresses_are_refused_and_their_ports_stay",
    ),
    21: _row("an image that is missing, or two of one name", f"{OPENSTACK}[bad-os-image]", f"{LACKING}[bad-image]"),
    22: _row(
        "a flavor or a group that is not there for us",
        f"{OPENSTACK}[bad-os-flavor]",
        "e2e/test_bad_input.py::test_a_wrong_password_and_a_forbidden_project_stall_the_provider_until_mended",
    ),
    23: _row("a machine that somebody says is theirs", f"{ADMISSION}::test_a_user_cannot_bring_one", f"{MISUSE}[B53]"),
    24: _row(
        "annotations of ours, forged", "e2e/test_ownership.py::test_a_forged_machine_id_is_refused_with_a_sentence"
    ),
    25: _row(
        "a BMC at an address that is not the fleet's",
        f"{REACHED}::test_an_address_outside_the_range_is_refused_before_connecting",
    ),
    26: _row("addresses of other schemes", f"{PLATFORM}[endpoint is a file]", f"{METAL}[BMC by another scheme]"),
    27: _row(
        "addresses with a login, or a newline",
        f"{PLATFORM}[endpoint with a newline]",
        f"{METAL}[BMC with a login in its address]",
    ),
    28: _row(
        "other spellings of an address",
        f"{PURE}::test_only_the_allowed_ranges_are_inside",
        f"{REACHED}[2130706433]",
    ),
    29: _row(
        "a name that leads elsewhere the second time",
        f"{REACHED}::test_a_name_is_connected_to_where_it_is_allowed",
        f"{REACHED}::test_an_address_outside_the_range_is_refused_before_connecting",
    ),
    30: _row("a redirect", f"{REACHED}::test_a_redirect_leads_to_no_other_host"),
    31: _row("a link to another host", f"{HOSTILE}::test_a_link_to_another_host_is_not_followed"),
    32: _row(
        "a catalog that names another host",
        why_none="Keystone's catalog names hosts; who may write its Provider and its Secret trusts that Keystone",
    ),
    33: _row("answers without end", HOSTILE, f"{REACHED}::test_an_answer_in_drops_ends_at_the_deadline"),
    34: _row("an ISO of anywhere", why_none="no field takes the address of an image"),
    35: _row(
        "a CA bundle that is none, and no verification",
        f"{REACHED}::test_nothing_is_sent_to_an_untrusted_certificate",
        f"{PURE}::test_what_an_endpoint_needs",
    ),
    36: _row("a proxy nobody asked for", f"{HOSTILE}::test_no_proxy_and_no_netrc_is_used"),
    37: _row("a Secret of another namespace", f"{INPUTS}[Secret of another namespace]"),
    38: _row(
        "a Secret that is none of theirs",
        f"{ADMISSION}::test_whoever_may_not_get_the_secret_cannot_name_it",
    ),
    39: _row(
        "a Secret that is missing, or lacks its key",
        f"{LACKING}[bad-secret]",
        f"{LACKING}[bad-key]",
        "providers/openstack/test_client.py::test_what_is_missing_in_a_secret_is_told_and_no_password",
        "providers/redfish/test_login.py::test_a_password_may_hold_any_letter",
    ),
    40: _row(
        "a Provider that is not for them", "e2e/test_held.py::test_a_namespace_that_is_not_allowed_is_told_until_it_is"
    ),
    41: _row(
        "a right that is taken away",
        "e2e/test_held.py::test_a_machine_can_be_deleted_after_its_namespace_was_closed_out",
    ),
    42: _row(
        "who may write machines and read no Secret",
        f"{ADMISSION}::test_whoever_may_not_get_the_secret_cannot_name_it",
        "generated/test_pools.py::test_a_secret_named_in_the_template_is_asked_for_as_on_a_machine",
    ),
    43: _row(
        "finalizers and edits of others on what goes",
        f"{MISUSE}::test_another_controllers_finalizer_holds_the_object_and_not_the_machine",
    ),
    44: _row("a selector of everything", POOLS),
    45: _row("two pools that select the same", "engine/test_pool.py[SelectorOverlap]"),
    46: _row("two servers at one BMC", "engine/test_metal_crash.py[OwnershipConflict]"),
    47: _row("a template edited in the middle", "e2e_pool/test_pool.py::test_of_two_edits_the_last_one_counts"),
    48: _row("neither surge nor unavailable", POOLS),
    49: _row("health checks that cannot be", why_none="pools have no health checks yet"),
    50: _row(
        "very many at once",
        "engine/test_slow_provider.py",
        "engine/test_lost_creates.py",
    ),
    51: _row("hasty edits", f"{MISUSE}::test_a_hundred_hasty_edits_of_the_power_end_as_the_last_one_says"),
    52: _row("deleted while it is made", f"{MISUSE}::test_deleted_while_it_is_made_and_again_it_leaves_nothing"),
    53: _row(
        "a status written by hand",
        f"{MISUSE}::test_a_status_written_by_hand_is_put_right_and_leads_to_no_other_machine",
    ),
    54: _row("words that forge the log", f"{MISUSE}::test_words_of_a_backend_cannot_forge_lines_of_the_log"),
}
