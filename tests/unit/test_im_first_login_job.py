"""The desk's half of first logins: once, as the person, and never over what the person set up."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import pwd
import zlib
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import im_first_login_job
from ansible.module_utils.im_formats import FORMATS
from ansible.module_utils.im_login_job import TRIES
from ansible.module_utils.im_pending_places import FIRST_LOGIN
from first_logins import HOSTILE_LOGINS, offer

LOGIN, JID = "alice.martin", "alice.martin@univ.example"
PIDGIN, GAJIM = ".purple/accounts.xml", ".config/gajim/settings.sqlite"
INI, THUNDERBIRD = ".thunderbird/profiles.ini", ".thunderbird/im.default/prefs.js"
ALL = ["pidgin", "gajim", "thunderbird"]
OWN_INI = (
    b"[Profile0]\nName=mine\nIsRelative=1\nPath=im.default\nDefault=1\n\n[General]\nStartWithLastProfile=1\nVersion=2\n"
)


def ours(path: str, jid: str) -> bytes:
    """A document with an account as a person would have made it by hand."""
    if path == PIDGIN:
        account = f"<account><protocol>prpl-jabber</protocol><name>{jid}</name></account>"
        return f"<?xml version='1.0' encoding='UTF-8' ?>\n<account version='1.0'>{account}</account>\n".encode()
    if path == GAJIM:
        local, _, domain = jid.partition("@")
        about = {"name": local, "hostname": domain, "address": jid}
        return FORMATS["gajim_settings"].merge(None, json.dumps({"accounts": {jid: {"account": about}}}), "")
    raise KeyError(path)


#: What people have without us: client -> the files of a profile with an account of some kind.
OWN: dict[str, tuple[str, dict[str, bytes]]] = {
    "another account in Pidgin": ("pidgin", {PIDGIN: ours(PIDGIN, "me@elsewhere.example/home")}),
    "the same account in Pidgin": ("pidgin", {PIDGIN: ours(PIDGIN, JID)}),
    "IRC in Pidgin": ("pidgin", {PIDGIN: ours(PIDGIN, "me@irc.example").replace(b"prpl-jabber", b"prpl-irc")}),
    "another account in Gajim": ("gajim", {GAJIM: ours(GAJIM, "me@elsewhere.example")}),
    "the same account in Gajim": ("gajim", {GAJIM: ours(GAJIM, JID)}),
    **{
        f"{kind} in Thunderbird": (
            "thunderbird",
            {
                INI: OWN_INI,
                THUNDERBIRD: (
                    'user_pref("mail.accountmanager.accounts", "account1");\n'
                    'user_pref("mail.account.account1.server", "server1");\n'
                    f'user_pref("mail.server.server1.type", "{kind}");\n'
                    'user_pref("mail.server.server1.hostname", "imap.elsewhere.example");\n'
                    'user_pref("mail.server.server1.userName", "me");\n'
                ).encode(),
            },
        )
        for kind in ("imap", "pop3", "nntp", "im", "rss")
    },
}


class Desk:
    """A home of files in memory that answers as im_profile_files does; what the job notes is on the disk."""

    def __init__(self, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = top / "home"
        self.home.mkdir()
        self.offer_path = top / "offer.json"
        self.files: dict[str, bytes] = {}
        self.running: list[dict[str, Any]] = []
        self.asked = 0
        self.clock = itertools.count(3600.0, 3600.0)
        self.uid = os.geteuid() or 4242
        if os.geteuid() == 0:
            os.chown(self.home, self.uid, -1)
        monkeypatch.setattr(im_first_login_job, "ROOT", os.geteuid())

    def lay(self, text: str) -> None:
        self.offer_path.write_text(text, encoding="utf-8")
        self.offer_path.chmod(0o644)

    def log_in(self, login: str = LOGIN, uid: int | None = None, home: str = "") -> dict[str, Any]:
        """Log in an hour later; returns what the job noted, by client."""
        about = (login, "x", self.uid if uid is None else uid, 100, "", home or str(self.home), "/bin/sh")
        person = pwd.struct_passwd(about)
        im_first_login_job.serve(person, self, next(self.clock), str(self.offer_path))
        result = self.home / FIRST_LOGIN / "result.json"
        groups = json.loads(result.read_text())["groups"] if result.exists() else {}
        return {key.rpartition("/")[2]: found for key, found in groups.items()}

    def marks(self) -> list[str]:
        return sorted(path.name for path in (self.home / FIRST_LOGIN).glob("done-*"))

    def accounts(self, path: str, form: str) -> set[str]:
        things = (item.split(" ") for item in FORMATS[form].items(self.files[path]))
        return {" ".join(words) for words in things if len(words) == 2 and words[0] in ("account", "chat")}

    def read_requests(
        self, requests: list[dict[str, Any]], time_limit: int, state_dir: str | None
    ) -> list[dict[str, Any]]:
        self.asked += 1
        (request,) = requests
        files: dict[str, Any] = {path: {"absent": True, "creatable": True} for path in request["paths"]}
        for path, data in self.files.items():
            packed = base64.b64encode(zlib.compress(data)).decode()
            files[path] = {"content": packed, "sha256": hashlib.sha256(data).hexdigest(), "writable": True}
        return [{"key": request["key"], "error": None, "running": self.running, "memory": "no", "files": files}]

    def write_groups(self, groups: list[dict[str, Any]], state_dir: str, time_limit: int) -> list[dict[str, Any]]:
        (group,) = groups
        assert group["memory"] is None and state_dir == str(self.home / ".local/state/im_client")
        for file in group["files"]:
            self.files[file["path"]] = zlib.decompress(base64.b64decode(file["content"]))
        return [{"key": group["key"], "state": "written", "error": None}]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


# ---------------------------------------------------------------------------------------------------------------------
# Once
# ---------------------------------------------------------------------------------------------------------------------


def test_the_first_login_lays_the_profile_of_each_client_and_the_second_does_not_even_look(desk: Desk) -> None:
    desk.lay(offer(ALL))
    noted = desk.log_in()
    assert {client: found["state"] for client, found in noted.items()} == dict.fromkeys(ALL, "changed")
    assert desk.accounts(PIDGIN, "libpurple_accounts") == {f"account {JID}"}
    assert desk.accounts(GAJIM, "gajim_settings") == {f"account {JID}"}
    assert desk.accounts(THUNDERBIRD, "mozilla_prefs") == {f"chat {JID}"}
    before, asked = dict(desk.files), desk.asked
    assert desk.log_in() == noted
    assert (desk.files, desk.asked, len(desk.marks())) == (before, asked, 1)


def test_on_a_desk_that_throws_homes_away_the_next_login_gets_it_again(desk: Desk, tmp_path: Path) -> None:
    desk.lay(offer(["pidgin"]))
    desk.log_in()
    first, desk.files = desk.files, {}
    desk.home.rename(tmp_path / "thrown away")
    desk.home.mkdir()
    os.chown(desk.home, desk.uid, -1)
    assert desk.log_in()["pidgin"]["state"] == "changed"
    assert desk.files == first


def test_under_a_running_client_nothing_is_written_until_a_login_finds_it_closed(desk: Desk) -> None:
    desk.lay(offer(["pidgin"]))
    desk.running = [{"pid": 7, "what": "process pidgin"}]
    for _ in range(TRIES + 2):
        assert desk.log_in()["pidgin"]["state"] == "deferred"
    assert (desk.files, desk.marks()) == ({}, [])
    desk.running = []
    assert desk.log_in()["pidgin"]["state"] == "changed" and desk.marks()


def test_a_profile_that_cannot_be_read_is_told_and_left_alone_and_not_tried_for_ever(desk: Desk) -> None:
    desk.lay(offer(["pidgin", "gajim"]))
    desk.files[PIDGIN] = b"\x00 nobody understands this"
    for _ in range(TRIES + 1):
        noted = desk.log_in()
    assert {client: found["state"] for client, found in noted.items()} == {"pidgin": "refused", "gajim": "changed"}
    assert desk.files[PIDGIN] == b"\x00 nobody understands this" and len(desk.marks()) == 1


# ---------------------------------------------------------------------------------------------------------------------
# What people set up themselves
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OWN)
def test_who_has_an_account_in_a_client_keeps_every_byte_of_it(desk: Desk, case: str) -> None:
    client, files = OWN[case]
    desk.files = dict(files)
    desk.lay(offer([client]))
    noted = desk.log_in()
    assert desk.files == files
    assert noted[client]["state"] == "compliant" and desk.marks()
    if "same" not in case:
        assert "set up already" in noted[client]["detail"]


def test_an_own_account_in_one_client_is_no_reason_against_another_client(desk: Desk) -> None:
    desk.files = {PIDGIN: ours(PIDGIN, "me@elsewhere.example")}
    desk.lay(offer(["pidgin", "gajim"]))
    assert desk.log_in()["gajim"]["state"] == "changed"
    assert desk.files[PIDGIN] == ours(PIDGIN, "me@elsewhere.example")
    assert desk.accounts(GAJIM, "gajim_settings") == {f"account {JID}"}


def test_a_client_that_was_started_but_never_set_up_is_served(desk: Desk) -> None:
    """Thunderbird makes its Local Folders by itself; Pidgin and Gajim write files without an account."""
    desk.lay(offer(ALL))
    desk.files = {
        INI: OWN_INI,
        THUNDERBIRD: b'user_pref("mail.accountmanager.accounts", "account1");\n'
        b'user_pref("mail.account.account1.server", "server1");\nuser_pref("mail.server.server1.type", "none");\n'
        b'user_pref("mail.server.server1.hostname", "Local Folders");\n',
        PIDGIN: b"<?xml version='1.0' encoding='UTF-8' ?>\n<account version='1.0'/>\n",
        GAJIM: FORMATS["gajim_settings"].merge(None, '{"app": {"autoaway": true}}', ""),
    }
    assert {found["state"] for found in desk.log_in().values()} == {"changed"}
    assert b"Local Folders" in desk.files[THUNDERBIRD]
    assert desk.accounts(THUNDERBIRD, "mozilla_prefs") == {f"chat {JID}"}


# ---------------------------------------------------------------------------------------------------------------------
# Who
# ---------------------------------------------------------------------------------------------------------------------


def test_a_login_with_a_seat_on_the_desk_is_left_to_the_playbook(desk: Desk) -> None:
    desk.lay(offer(ALL, (LOGIN,)))
    assert desk.log_in() == {} and not list(desk.home.iterdir())


@pytest.mark.parametrize("uid", [0, 1, 999, 65534])
def test_users_that_are_no_persons_get_nothing(desk: Desk, uid: int) -> None:
    desk.lay(offer(ALL))
    assert desk.log_in(uid=uid) == {} and not list(desk.home.iterdir())


def test_who_has_no_home_of_the_own_gets_nothing(desk: Desk) -> None:
    desk.lay(offer(ALL))
    assert desk.log_in(home="/") == {}
    assert not Path("/", FIRST_LOGIN).exists()
    with pytest.raises(OSError, match="nonexistent"):
        desk.log_in(home="/nonexistent")
    assert not Path("/nonexistent").exists()


@pytest.mark.parametrize("login", [login for login in HOSTILE_LOGINS if login])
def test_a_login_that_no_rule_fits_gets_nothing_and_is_told_so(desk: Desk, login: str) -> None:
    desk.lay(offer(ALL))
    (state,) = {found["state"] for found in desk.log_in(login).values()}
    assert (state, desk.files, len(desk.marks())) == ("refused", {}, 1)
    text = (desk.home / FIRST_LOGIN / "result.json").read_text()
    assert "no account is known" in text


def test_a_login_that_the_site_names_later_is_served_then(desk: Desk) -> None:
    desk.lay(offer(["pidgin"]))
    assert desk.log_in("e0421")["pidgin"]["state"] == "refused"
    desk.lay(offer(["pidgin"], jids={"e0421": JID}))
    assert desk.log_in("e0421")["pidgin"]["state"] == "changed"
    assert desk.accounts(PIDGIN, "libpurple_accounts") == {f"account {JID}"} and len(desk.marks()) == 1


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
def test_an_offer_that_others_than_root_could_have_written_is_none(desk: Desk, mode: int) -> None:
    desk.lay(offer(ALL))
    desk.offer_path.chmod(mode)
    assert desk.log_in() == {}


def test_without_an_offer_nothing_happens(desk: Desk) -> None:
    assert desk.log_in() == {} and not list(desk.home.iterdir())


# ---------------------------------------------------------------------------------------------------------------------
# A newer wish
# ---------------------------------------------------------------------------------------------------------------------


def test_a_newer_wish_reaches_our_account_and_leaves_what_is_the_persons(desk: Desk) -> None:
    desk.lay(offer(["pidgin"], site={"auto_away_minutes": 5, "archive": True}, enforced=("archive",)))
    desk.log_in()
    prefs = ".purple/prefs.xml"
    desk.files[prefs] = desk.files[prefs].replace(b"type='int' value='5'", b"type='int' value='42'")
    desk.lay(offer(["pidgin"], site={"auto_away_minutes": 7, "archive": False}, enforced=("archive",)))
    noted = desk.log_in()["pidgin"]
    assert noted["state"] == "changed" and len(desk.marks()) == 1
    assert (
        b"type='int' value='42'" in desk.files[prefs] and b"name='log_ims' type='bool' value='0'" in desk.files[prefs]
    )
    # And it is remembered as ours from version to version.
    desk.lay(offer(["pidgin"], site={"archive": True}, enforced=("archive",)))
    assert desk.log_in()["pidgin"]["state"] == "changed"


def test_a_newer_wish_that_changes_nothing_keeps_what_is_remembered(desk: Desk) -> None:
    desk.lay(offer(["pidgin"]))
    desk.log_in()
    desk.lay(offer(["pidgin"], jids={"e0421": "bruno@univ.example"}))
    noted = desk.log_in()["pidgin"]
    assert noted["state"] == "compliant" and JID in noted["memory"]


def test_who_took_the_account_out_again_is_not_given_it_anew(desk: Desk) -> None:
    desk.lay(offer(["pidgin"]))
    desk.log_in()
    desk.files[PIDGIN] = b"<?xml version='1.0' encoding='UTF-8' ?>\n<account version='1.0'/>\n"
    before = dict(desk.files)
    desk.lay(offer(["pidgin"], site={"archive": True}, enforced=("archive",)))
    noted = desk.log_in()["pidgin"]
    assert (desk.files, noted["state"]) == (before, "compliant") and "taken out" in noted["detail"]


def test_another_account_by_the_mapping_is_not_laid_beside_the_first(desk: Desk) -> None:
    desk.lay(offer(["pidgin"], jids={LOGIN: "one@univ.example"}))
    desk.log_in()
    before = dict(desk.files)
    desk.lay(offer(["pidgin"], jids={LOGIN: "two@univ.example"}))
    assert "set up already" in desk.log_in()["pidgin"]["detail"] and desk.files == before


@pytest.mark.parametrize("forged", [7, "no JSON", '{"schema": 1, "documents": 3}', "[" * 9999, None])
def test_a_memory_that_somebody_forged_makes_nobody_elses_account_ours(desk: Desk, forged: Any) -> None:
    desk.lay(offer(["pidgin"]))
    desk.log_in()
    result = desk.home / FIRST_LOGIN / "result.json"
    told = json.loads(result.read_text())
    told["groups"][f"{LOGIN}/pidgin"]["memory"] = forged
    result.write_text(json.dumps(told))
    before = dict(desk.files)
    desk.lay(offer(["pidgin"], site={"archive": True}, enforced=("archive",)))
    assert "set up already" in desk.log_in()["pidgin"]["detail"] and desk.files == before
