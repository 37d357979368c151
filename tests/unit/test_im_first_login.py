"""A login that Ansible has never heard of: whose account it gets, and that no account can break what it is put into."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.im_first_login import (
    DOMAIN,
    LOCALPART,
    PLACEHOLDER,
    Offer,
    fill,
    filled,
    is_fit,
    is_person,
    jid_of,
    read_offer,
)
from ansible.module_utils.im_first_login_offer import (
    check_first_login,
    offer_of,
    outcomes_of,
    wish_of_anybody,
)
from ansible.module_utils.im_formats import FORMATS
from ansible.module_utils.im_inventory import InventoryError, complete_service
from ansible.module_utils.im_login_job import group_of
from first_logins import (
    FULL,
    HOSTILE_LOGINS,
    JIDS,
    SERVICE,
    SERVICES,
    anybody_groups,
    offer,
    rendered,
    wish_for,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from rendering import CLIENTS, COMMON, HOSTILE

DIRECTORY = {"e0421": "bruno.lefevre@univ.example", "Zoë O'B": "zoe@univ.example"}
HOSTILE_JIDS = [
    "", "alice", "alice@", "@univ.example", "a b@univ.example", "a'b@univ.example", 'a"b@univ.example',
    "a<b@univ.example",
    "a&b@univ.example", "a\\b@univ.example", "a@univ.example/x", "a@univ.example\n", "a\n@univ.example",
    "a%@univ.example",
    "a$@univ.example", "a,b@univ.example", "a@b@c", "A@univ.example", "zoë@univ.example", ".a@univ.example",
    "a.@univ.example", "a..b@univ.example", "a@-univ.example", "a@univ..example", "a" * 300 + "@x", f"{HOSTILE}@x",
]  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Whose account
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["alice.martin", "jean-paul.le-gall", "alice.martin2", "a.b"])
def test_a_login_of_the_shape_prenom_nom_is_the_account_of_its_name(login: str) -> None:
    assert jid_of(login, DIRECTORY, "univ.example") == f"{login}@univ.example"
    assert jid_of(login, DIRECTORY, "") == ""


def test_the_mapping_of_the_site_stands_above_the_shape() -> None:
    assert jid_of("e0421", DIRECTORY, "univ.example") == "bruno.lefevre@univ.example"
    assert jid_of("a.b", {"a.b": "c@x.example"}, "univ.example") == "c@x.example"
    assert jid_of("Zoë O'B", DIRECTORY, "") == "zoe@univ.example"


@pytest.mark.parametrize("login", HOSTILE_LOGINS)
def test_no_account_is_guessed_for_any_other_login(login: str) -> None:
    assert jid_of(login, DIRECTORY, "univ.example") == ""


@given(st.text(max_size=40))
def test_whatever_the_login_the_account_fits_or_there_is_none(login: str) -> None:
    jid = jid_of(login, {}, "univ.example")
    assert jid in ("", f"{login}@univ.example") and (not jid or is_fit(jid))


@pytest.mark.parametrize("jid", HOSTILE_JIDS)
def test_a_mapping_that_was_tampered_with_gives_no_account(jid: str) -> None:
    assert jid_of("a", {"a": jid}, "univ.example") == ""
    with pytest.raises(ValueError, match="not a JID"):
        fill(PLACEHOLDER, jid)


@pytest.mark.parametrize(
    ("uid", "served"),
    [(0, False), (1, False), (999, False), (1000, True), (60000, True), (61184, False), (65534, False), (65535, False),
     (1_234_567_890, True), (2**32 - 2, True), (2**32 - 1, False)],
)  # fmt: skip
def test_only_persons_are_served(uid: int, served: bool) -> None:
    offer = Offer("0" * 16, (), 1000, 2**32 - 2, {}, "", ())
    assert is_person(uid, offer) is served
    assert not is_person(0, offer._replace(uid_min=0)) and not is_person(5000, offer._replace(uid_max=4999))


# ---------------------------------------------------------------------------------------------------------------------
# Putting an account into the placeholder's place
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("service", SERVICES, ids=["srv", "direct", "host", "mail", "mail by key"])
@pytest.mark.parametrize("enforced", [[], list(FULL)], ids=["initial", "enforced"])
@settings(max_examples=15)
@given(jid=JIDS)
def test_a_placeholder_that_was_filled_is_what_the_template_says_of_that_account(
    client: str, service: dict[str, Any], enforced: list[str], jid: str
) -> None:
    complete = complete_service({"domain": "univ.example", **service})
    asked = rendered(client, wish_of_anybody(FULL), complete, enforced)
    assert any(LOCALPART in fragment for fragment in asked.values())
    assert {key: fill(fragment, jid) for key, fragment in asked.items()} == rendered(
        client, wish_for(jid, FULL), complete, enforced
    )


@pytest.mark.parametrize("client", CLIENTS)
def test_a_name_that_nobody_knows_is_not_shown_and_not_invented(client: str) -> None:
    asked = rendered(client, wish_for("a.b@univ.example", {}), complete_service({"domain": "univ.example"}), [])
    text = "\n".join(asked.values())
    assert "alias" not in text and "account_label" not in text
    assert 'user_pref("messenger.status.userDisplayName", "");' in text or client != "thunderbird"


def test_what_was_put_in_is_not_looked_at_again() -> None:
    sly = f"{LOCALPART}x@{DOMAIN}"
    assert fill(f"<{PLACEHOLDER}>", sly) == f"<{sly}>"


# ---------------------------------------------------------------------------------------------------------------------
# What the inventory says
# ---------------------------------------------------------------------------------------------------------------------


def test_what_the_inventory_leaves_out_has_its_default() -> None:
    assert check_first_login("pc", {"clients": ["gajim", "gajim"]}, CLIENTS, SERVICE) == {
        "clients": ["gajim"],
        "jids": {},
        "domain": "univ.example",
        "uid_min": 1000,
        "uid_max": 2**32 - 2,
    }
    assert check_first_login("pc", {"clients": ["gajim"], "default": False}, CLIENTS, SERVICE)["domain"] == ""
    assert check_first_login("pc", None, CLIENTS, SERVICE) is None
    assert check_first_login("pc", {}, CLIENTS, SERVICE) is None


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("gajim", "is not a mapping"),
        ({"clients": []}, "clients is []"),
        ({"clients": ["gajin"]}, "no client named 'gajin'; known: gajim"),
        ({"clients": ["gajim"], "jid": {}}, "unknown key 'jid'"),
        ({"clients": ["gajim"], "jids": ["a"]}, "jids is list"),
        ({"clients": ["gajim"], "jids": {421: "a@x"}}, "421 is not the login"),
        ({"clients": ["gajim"], "jids": {"root": "a@x"}}, "'root' is not the login"),
        ({"clients": ["gajim"], "jids": {"a": "b@x", "c": "b@x"}}, "'c' and 'a' both have b@x"),
        ({"clients": ["gajim"], "default": "yes"}, "default is 'yes'"),
        ({"clients": ["gajim"], "uid_min": 0}, "uid_min and uid_max are 0"),
        ({"clients": ["gajim"], "uid_max": "60000"}, "uid_min and uid_max are 1000 and '60000'"),
        *(({"clients": ["gajim"], "jids": {"a": jid}}, "takes a bare JID in lower case") for jid in HOSTILE_JIDS),
    ],
)
def test_a_mistake_is_told_with_where_and_what_would_do(given_: Any, said: str) -> None:
    with pytest.raises(InventoryError) as caught:
        check_first_login("pc-07", given_, CLIENTS, SERVICE)
    (problem,) = caught.value.problems
    assert problem.startswith("host 'pc-07': im_first_login") and said in problem


def test_a_domain_that_cannot_stand_in_a_fragment_is_refused_as_a_default() -> None:
    service = complete_service({"domain": "école.example"})
    with pytest.raises(InventoryError, match="xn-- form"):
        check_first_login("pc", {"clients": ["gajim"]}, CLIENTS, service)
    assert check_first_login("pc", {"clients": ["gajim"], "default": False}, CLIENTS, service)


# ---------------------------------------------------------------------------------------------------------------------
# The offer, from the control node to a desk
# ---------------------------------------------------------------------------------------------------------------------


def test_an_offer_comes_back_as_it_was_and_its_wishes_are_those_of_the_login() -> None:
    found = read_offer(offer(["pidgin", "gajim"], ("zobrien",), jids=DIRECTORY).encode())
    assert found is not None
    assert (found.seats, found.domain, found.jids) == (("zobrien",), "univ.example", DIRECTORY)
    wish = filled(found.wishes[0], "alice.martin", "alice.martin@univ.example")
    group, render = group_of(wish, "alice.martin")
    assert group.key == "alice.martin/pidgin"
    (accounts,) = (document for document in group.client.documents if document.path == "accounts.xml")
    merged = FORMATS[accounts.format].merge(None, render(accounts, "enforced"), render(accounts, "initial"), {})
    assert "account alice.martin@univ.example" in FORMATS[accounts.format].items(merged)
    assert PLACEHOLDER not in json.dumps(wish)


def test_the_version_says_whether_a_profile_could_change_and_nothing_else() -> None:
    def version(text: str) -> str:
        return str(json.loads(text)["version"])

    first = version(offer(["pidgin"]))
    assert version(offer(["pidgin"], ("zobrien",))) == first
    assert offer(["pidgin"]) == offer(["pidgin"])
    others = [offer(["gajim"]), offer(["pidgin"], jids=DIRECTORY), offer(["pidgin"], default=False)]
    assert len({first, *map(version, others)}) == 4


@pytest.mark.parametrize(
    "wrong", [b"", b"{", b"[]", b"\xff", b"{}", b'{"schema": 2}', b"[" * 99999, b'{"schema": 1, "version": "x"}']
)
def test_what_the_control_node_cannot_have_written_is_no_offer(wrong: bytes) -> None:
    assert read_offer(wrong) is None


@pytest.mark.parametrize(
    "change", [{"version": "../../../etc"}, {"version": 7}, {"jids": []}, {"more": 1}, {"schema": 2}, {"domain": None}]
)
def test_an_offer_that_is_not_whole_is_none(change: dict[str, Any]) -> None:
    assert read_offer(json.dumps({**json.loads(offer(["pidgin"])), **change}).encode()) is None


def test_a_secret_is_never_laid_down_for_whoever_logs_in() -> None:
    secret = "<account version='1.0'><account><protocol>prpl-jabber</protocol><name>a@x</name><password>p</password>"
    checked = check_first_login("pc", {"clients": ["pidgin"]}, CLIENTS, SERVICE)
    assert checked is not None
    with pytest.raises(ValueError, match="a secret cannot be laid down"):
        offer_of(
            checked,
            anybody_groups("pidgin"),
            lambda _: (
                lambda document, part: (
                    f"{secret}</account></account>" if (document.path, part) == ("accounts.xml", "initial") else ""
                )
            ),
            [],
        )


def test_what_became_of_the_job_is_told_for_each_client() -> None:
    groups = anybody_groups("pidgin", "gajim")
    file = {"path": "/x", "action": "created", "before": None, "after": "a"}
    told = {"supported": True, "files": [file, {**file, "action": "unchanged", "before": "a"}]}
    found = outcomes_of(groups, told, COMMON)
    assert {key: outcome.state for key, outcome in found.items()} == dict.fromkeys(
        ("first_login", "*/pidgin", "*/gajim"), "changed"
    )
    assert found["*/gajim"].documents[0].causes == {"first_login": "first"}
    same = outcomes_of(groups, {"supported": True, "files": [{**file, "action": "unchanged"}]}, COMMON)
    assert same["*/pidgin"].state == "compliant"
    old = outcomes_of(groups, {"supported": False, "files": []}, COMMON)
    assert old["*/pidgin"].state == "refused" and "Python 3.9" in old["*/pidgin"].detail
