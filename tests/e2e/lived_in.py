"""What a person had before we came: a profile with accounts and choices of their own, and what a parser finds there.

Each life seeds the least that makes the real client start on the person's own second account; the client then makes
the rest and rewrites it all in its own hand. own() tells what is the person's: the same before and after our work.
"""

from __future__ import annotations

import json
import re
import sqlite3
import xml.etree.ElementTree as ET
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from homes import Files

IRC_NAME = "moi@irc.example"
#: The person's own choice, where the demo's wish is 10 minutes.
AWAY_MINUTES = 7


GAJIM_ACCOUNT = "INSERT INTO account_settings VALUES ('{}', ?)"


class Life(Protocol):
    """A client's profile, as far as it is the person's."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths relative to the home that own() needs."""

    @property
    def remembers(self) -> bool:
        """Whether the client keeps the person's own password in a file that seed() can write."""

    def seed(self, jid: str, secret: str) -> Files:
        """The files of a person whose own account is ``jid``."""

    def own(self, files: Files, jid: str) -> dict[str, Any]:
        """What is the person's in these files, without what the client moves by itself."""


class GajimLife:
    """An account under a row key that is not its JID, the password in the file, an away time of one's own."""

    paths = (".config/gajim/settings.sqlite",)
    remembers = True
    _ROW = "perso"

    def seed(self, jid: str, secret: str) -> Files:
        name, _, domain = jid.partition("@")
        account = {
            **{"name": name, "hostname": domain, "address": jid, "account_label": "À moi", "active": True},
            **{"autoconnect": True, "savepass": True, "password": secret, "resource": "maison"},
        }
        app = {"use_keyring": False, "autoawaytime": AWAY_MINUTES, "sounds_on": False, "autoaway_message": "Café"}
        return {
            self.paths[0]: sqlite_file(
                "CREATE TABLE settings (name TEXT UNIQUE, settings TEXT)",
                "CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT)",
                ("INSERT INTO settings VALUES ('app', ?)", json.dumps(app)),
                *[
                    ("INSERT INTO settings VALUES (?, '{}')", row)
                    for row in ("soundevents", "status_presets", "proxies", "plugins")
                ],
                (
                    GAJIM_ACCOUNT.format(self._ROW),
                    json.dumps({"account": account, "contact": {}, "group_chat": {}}),
                ),
            )
        }

    def own(self, files: Files, jid: str) -> dict[str, Any]:
        app = json.loads(dict(sqlite_rows(files[self.paths[0]], "settings"))["app"])
        row = json.loads(dict(sqlite_rows(files[self.paths[0]], "account_settings"))[self._ROW])["account"]
        assert row["address"] == jid
        return {
            "app": {key: app[key] for key in ("use_keyring", "autoawaytime", "sounds_on", "autoaway_message")},
            "account": {key: row[key] for key in ("address", "account_label", "active", "autoconnect", "password")},
        }


class PidginLife:
    """Two accounts (XMPP with its password, IRC switched off), a room, a buddy, preferences of one's own."""

    paths = (".purple/accounts.xml", ".purple/prefs.xml", ".purple/blist.xml")
    remembers = True
    _PREFS = ("purple/away/mins_before_away", "pidgin/sound/mute", "pidgin/conversations/show_timestamps")

    def seed(self, jid: str, secret: str) -> Files:
        accounts = f"""<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'>
	<account>
		<protocol>prpl-jabber</protocol>
		<name>{jid}/maison</name>
		<password>{secret}</password>
		<alias>Chez l&apos;été</alias>
		<settings ui='gtk-gaim'><setting name='auto-login' type='bool'>1</setting></settings>
	</account>
	<account>
		<protocol>prpl-irc</protocol>
		<name>{IRC_NAME}</name>
		<password>irc-&lt;secret&gt;</password>
		<settings ui='gtk-gaim'><setting name='auto-login' type='bool'>0</setting></settings>
	</account>
</account>
"""
        prefs = f"""<?xml version='1.0' encoding='UTF-8' ?>
<pref version='1' name='/'>
	<pref name='purple'><pref name='away'>
		<pref name='mins_before_away' type='int' value='{AWAY_MINUTES}'/>
	</pref></pref>
	<pref name='pidgin'>
		<pref name='sound'><pref name='mute' type='bool' value='1'/></pref>
		<pref name='blist'><pref name='list_visible' type='bool' value='1'/></pref>
		<pref name='conversations'><pref name='show_timestamps' type='bool' value='0'/></pref>
	</pref>
</pref>
"""
        blist = f"""<?xml version='1.0' encoding='UTF-8' ?>
<purple version='1.0'>
	<blist>
		<group name='Loisirs'>
			<chat proto='prpl-irc' account='{IRC_NAME}'>
				<alias>Échecs &amp; &quot;dames&quot;</alias>
				<component name='channel'>#echecs</component>
			</chat>
			<contact>
				<buddy account='{IRC_NAME}' proto='prpl-irc'><name>tata</name><alias>Tata Zoé</alias></buddy>
			</contact>
		</group>
	</blist>
</purple>
"""
        return {path: text.encode() for path, text in zip(self.paths, (accounts, prefs, blist), strict=True)}

    def own(self, files: Files, jid: str) -> dict[str, Any]:
        accounts, prefs, blist = (ET.fromstring(files[path]) for path in self.paths)
        values = {}
        for path in self._PREFS:
            leaf = prefs.find("/".join(f"pref[@name='{step}']" for step in path.split("/")))
            assert leaf is not None, path
            values[path] = leaf.get("value")
        mine = {
            name: account
            for account in accounts.findall("account")
            if (name := account.findtext("name", "").partition("/")[0]) in (jid, IRC_NAME)
        }
        return {
            "accounts": {
                name: {
                    "name": account.findtext("name"),
                    "password": account.findtext("password"),
                    "alias": account.findtext("alias"),
                    "auto-login": account.findtext("settings[@ui='gtk-gaim']/setting[@name='auto-login']"),
                }
                for name, account in sorted(mine.items())
            },
            "prefs": values,
            "channels": [chat.findtext("component[@name='channel']") for chat in blist.iter("chat")][:1],
            "chat aliases": [alias for chat in blist.iter("chat") if (alias := chat.findtext("alias"))][:1],
            # Those of XMPP come from the server, which has more of them by now.
            "buddies": [buddy.findtext("alias") for buddy in blist.iter("buddy") if buddy.get("account") == IRC_NAME],
        }


class ThunderbirdLife:
    """A profile of one's own choice with two chat accounts (XMPP, IRC switched off) and preferences of one's own.

    Thunderbird keeps passwords encrypted: both accounts ask.
    """

    paths = (".thunderbird/perso.original/prefs.js", ".thunderbird/profiles.ini")
    remembers = False
    # Section names of profiles.ini carry the hash of the executable's directory (seen with Debian's packages).
    INSTALL = "InstallFDC34C9F024745EB"

    def seed(self, jid: str, secret: str) -> Files:
        del secret
        profiles = (
            f"[{self.INSTALL}]\nDefault=perso.original\nLocked=1\n\n[Profile0]\nName=à moi\nIsRelative=1\n"
            "Path=perso.original\nDefault=1\n\n[General]\nStartWithLastProfile=1\nVersion=2\n"
        )
        prefs = "".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value, ensure_ascii=False)});\n"
            for name, value in self._prefs(jid).items()
        )
        return {self.paths[0]: prefs.encode(), self.paths[1]: profiles.encode()}

    def own(self, files: Files, jid: str) -> dict[str, Any]:
        prefs = read_prefs(files[self.paths[0]])
        wanted = self._prefs(jid)
        listed = prefs["mail.accountmanager.accounts"].split(",")
        ini = files[self.paths[1]].decode()
        section = re.search(rf"(?s)\[{self.INSTALL}\]\n(.*?)(\n\[|$)", ini)
        assert section is not None, ini
        return {
            "prefs": {name: prefs.get(name) for name in wanted if name != "mail.accountmanager.accounts"},
            "listed": [account for account in ("account1", "account2") if account in listed],
            "profile": re.findall(r"Default=(.*)", section[1]),
            "name": re.findall(r"Name=(.*)", ini),
        }

    @staticmethod
    def _prefs(jid: str) -> dict[str, Any]:
        accounts: dict[str, Any] = {"mail.accountmanager.accounts": "account1,account2"}
        for number, (prpl, name, auto) in enumerate((("prpl-jabber", jid, True), ("prpl-irc", IRC_NAME, False)), 1):
            accounts |= {
                f"mail.account.account{number}.server": f"server{number}",
                f"mail.server.server{number}.type": "im",
                f"mail.server.server{number}.hostname": prpl,
                f"mail.server.server{number}.userName": name,
                f"mail.server.server{number}.imAccount": f"account{number}",
                f"messenger.account.account{number}.name": name,
                f"messenger.account.account{number}.prpl": prpl,
                f"messenger.account.account{number}.alias": "Chez l'été",
            }
            if not auto:  # true is the default, which Thunderbird does not keep
                accounts[f"messenger.account.account{number}.autoLogin"] = False
        return accounts | {
            "messenger.status.timeBeforeIdle": AWAY_MINUTES * 60,
            "mail.chat.play_sound": False,
            "mailnews.tags.version": 2,  # else Thunderbird resets the tags once
            "mailnews.tags.$label1.tag": 'Très "urgent"',
            # What a profile of some age has answered long ago.
            "app.donation.eoy.version.viewed": 999,
            "mail.rights.version": 1,
            "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
            "mailnews.start_page.enabled": False,
        }


LIVES: dict[str, Life] = {"gajim": GajimLife(), "pidgin": PidginLife(), "thunderbird": ThunderbirdLife()}


def sqlite_file(*statements: str | tuple[str, str], user_version: int = 0) -> bytes:
    """A database made by these statements, each alone or with its one parameter."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "made.sqlite"
        connection = sqlite3.connect(path)
        for statement in statements:
            sql, *parameters = (statement,) if isinstance(statement, str) else statement
            connection.execute(sql, parameters)
        connection.execute(f"PRAGMA user_version = {user_version}")
        connection.commit()
        connection.close()
        return path.read_bytes()


def sqlite_rows(content: bytes, table: str) -> list[tuple[str, str]]:
    """The rows of one of Gajim's tables, in their order."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "read.sqlite"
        path.write_bytes(content)
        connection = sqlite3.connect(path)
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - names of our own
        connection.close()
        return rows


def read_prefs(content: bytes) -> dict[str, Any]:
    """A prefs.js that Thunderbird itself wrote: name to value."""
    found = re.findall(r'^user_pref\("((?:[^"\\]|\\.)*)", (.*)\);\r?$', content.decode("utf-8-sig"), re.MULTILINE)
    return {name: json.loads(value) for name, value in found}
