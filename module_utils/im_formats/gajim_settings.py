"""Gajim's settings.sqlite (Gajim 1.3 to 2.6): the person's account and preferences inside the person's own file.

Two tables of JSON texts: ``settings`` (row 'app' holds the preferences) and ``account_settings`` (one row per account).
Only the row 'app' and the rows of the accounts asked for are ever rewritten, in the style in which Gajim writes them;
all other rows, the order of keys and rows, and user_version stay as they are.

Read in gajim/common/settings.py from 1.3.0 to 2.5.0: the preferences dialog and the "reset" of the advanced editor
store the chosen value even when it is the default. An absent key is therefore a setting that nobody chose, and one
that was laid once stays present: an initial value is never imposed a second time. The keys for which this does not
hold are in gajim_keys.APP_INITIAL_ONLY_IN_A_NEW_FILE.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from .base import Refused, Siblings
from .gajim_fragment import Account, Managed, Values, is_bare_jid, parse_fragments
from .gajim_json import Object, parse_object, write_object
from .gajim_keys import ACCOUNT, APP, APP_INITIAL_ONLY_IN_A_NEW_FILE, IDENTITY, SECRET, Setting, same
from .gajim_sqlite import Database, Row, created, opened

MASK = "********"
_SECRET = re.compile(r"pass|token|secret", re.IGNORECASE)

#: Rows of table settings -> user_version from which Gajim needs the row. Each migration INSERTs its row and Gajim quits
#: silently when the row is there already, so a row that comes too early is as wrong as one that is missing.
_NEEDED_FROM = {"app": 0, "workspaces": 1, "window_sizes": 7}
#: Rows that a Gajim may do without (seen with 1.7.3, 2.1.1 and 2.6.0).
_OPTIONAL_ROWS = frozenset({"soundevents", "status_presets", "proxies", "plugins"})
#: Rows of a new file of user_version 0, in the order of Gajim 1.3.
_NEW_ROWS = ("app", "soundevents", "status_presets", "proxies", "plugins")
#: From this user_version on Gajim reads an account's `address`; before, its `name` and `hostname`.
_ADDRESS_FROM = 6


class GajimSettings:
    """The format 'gajim_settings'; see im_formats.base.Format for the contract.

    Identities of its items: "account JID" (bare, casefolded), "account JID KEY" and "app KEY"; the value of a key is
    JSON. What says whose account it is (`name`, `hostname`, `address`) belongs to the account and is no item.
    """

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Lay accounts and preferences over a settings.sqlite.

        Args:
            current: the file, None when absent (a new one has user_version 0, which every Gajim migrates).
            enforced: ``{"app": {...}, "accounts": {ROW KEY: {"account": {"address": BARE JID, ...}}}}``, the shape of
                Gajim's own --export-settings; blank asks nothing. An account is recognised by its address, whatever
                its row key. Gajim 1.5.3 and later leave an account inactive unless `active` is true, so ask for it.
            initial: the same shape. Its account keys only serve an account that does not exist yet, its app keys only
                where the row has none.
            siblings: "settings.sqlite-journal", "settings.sqlite-wal" (refused unless empty) and "config", Gajim's
                text file before 1.3 (refused when current is None: Gajim must migrate it first).
            taken_back: an "account JID" that only the initial fragment asks for and an "app KEY" named here are not
                laid again. An account that is enforced is made anew with all that a new account starts with.

        Raises:
            Refused: see im_formats.base; also when two accounts of the file have the wanted address, or another
                account has the wanted row key.
            ValueError: see gajim_fragment.parse_fragments.
        """
        managed = parse_fragments(enforced, initial)
        _check_siblings(siblings or {}, absent=current is None)
        if current is None:
            with created() as database:
                for name in _NEW_ROWS:
                    database.append("settings", name, write_object({}))
                _lay(database, managed, taken_back, new_file=True)
                return database.content()
        with opened(current) as database:
            return database.content() if _lay(database, managed, taken_back, new_file=False) else current

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """Accounts with their keys, and app keys; see im_formats.base.Format. Only keys that a fragment may name."""
        _check_siblings(siblings or {}, absent=False)
        with opened(content) as database:
            app = _parse_row("settings", _settings_row_app(database))
            found: dict[str, str] = {}
            for row in database.rows("account_settings"):
                account = _account_of(row)["account"]
                jid = _bare_address(account, database.user_version)
                # Merge refuses a second account of one address; of two, the first is told here.
                if jid is not None and is_bare_jid(jid) and f"account {jid}" not in found:
                    found |= _account_items(jid, account)
        return found | _app_items(app)

    def wanted(self, fragment: str) -> dict[str, str]:
        """What a fragment of either part asks for; see im_formats.base.Format.

        Raises:
            ValueError: see gajim_fragment.parse_fragments.
        """
        managed = parse_fragments("", fragment)  # as initial: what may not be enforced may stand there
        asked = _app_items(managed.app_initial)
        for account in managed.accounts:
            asked |= _account_items(account.identity, account.initial)
        return asked

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes:
        """Take accounts and keys out of a settings.sqlite; see im_formats.base.Format.

        An account goes with its whole row, a key (of an account, of the app) only while its value is the given one,
        and a password never without its account: nobody can tell whose it is.

        After a merge that only added, the rows are again, text for text, those of before, and so is user_version. The
        bytes of the file are not: SQLite counts its changes, and a page that grew does not shrink. What stood in the
        deleted rows is overwritten with zeros.

        Raises:
            Refused: see im_formats.base; also when two accounts have the address of one that is to be removed.
        """
        _check_siblings(siblings or {}, absent=False)
        with opened(current) as database:
            app_row = _settings_row_app(database)
            accounts = {row: _account_of(row) for row in database.rows("account_settings")}
            changed = _remove_from_app(database, app_row, items)
            for jid, keys in _by_account(items).items():
                changed |= _remove_from_account(database, accounts, jid, keys)
            return database.content() if changed else current

    def findings(self, content: bytes) -> list[str]:
        """Accounts with a password in the file, and proxies ("proxy NAME"); see im_formats.base.Format."""
        found: list[str] = []
        with contextlib.suppress(Refused), opened(content) as database:
            for row in database.rows("account_settings"):
                with contextlib.suppress(Refused):
                    account = _account_of(row)["account"]
                    if any(account.get(key) for key in SECRET):
                        jid = _bare_address(account, database.user_version)
                        found.append(f"account {_printable(jid or row.key)}")
            for row in database.rows("settings"):
                if row.key == "proxies":
                    with contextlib.suppress(Refused):
                        proxies = _parse_row("settings", row)
                        found += [
                            f"proxy {_printable(name)}"
                            for name, proxy in proxies.items()
                            if isinstance(proxy, dict) and proxy.get("pass")
                        ]
        return list(dict.fromkeys(found))

    def describe(self, content: bytes | None) -> str:
        """The user_version, then every row as sorted JSON, secrets masked. "" for None; never raises."""
        if content is None:
            return ""
        try:
            with opened(content) as database:
                lines = [f"user_version {database.user_version}"]
                for table in ("settings", "account_settings"):
                    for row in database.rows(table):
                        masked = _masked(_parse_row(table, row))
                        lines.append(f"{table} {row.key!r}: {_readable(masked)}")
        except Refused:
            return f"not readable as a Gajim settings file ({len(content)} bytes)"
        return "\n".join(lines) + "\n"


FORMAT = GajimSettings()


def _check_siblings(siblings: Siblings, absent: bool) -> None:
    for path, content in siblings.items():
        name = PurePosixPath(path.replace("\\", "/")).name
        if name.casefold().endswith(("-journal", "-wal")) and content:
            # SQLite would roll it back into whatever lies beside it: into our file, were we to write one.
            raise Refused(name, "Gajim was interrupted while it wrote; start Gajim once and quit it, then run again")
        if name.casefold() == "config" and absent:
            raise Refused(
                name, "settings of a Gajim before 1.3 that were never migrated; start Gajim once so that it does"
            )


def _lay(database: Database, managed: Managed, taken_back: frozenset[str], new_file: bool) -> bool:
    """Write what is asked into the database; True if that changed anything."""
    app_row = _settings_row_app(database)
    accounts = {row: _account_of(row) for row in database.rows("account_settings")}
    app = _parse_row("settings", app_row)
    changed = _lay_app(app, managed, database.user_version, taken_back, new_file)
    if changed:
        database.replace("settings", app_row, write_object(app))
    for wanted in managed.accounts:
        changed |= _lay_account(database, accounts, wanted, taken_back)
    return changed


def _settings_row_app(database: Database) -> Row:
    """Row 'app', after the rows of table settings proved to be those of this user_version."""
    rows = {row.key: row for row in database.rows("settings")}
    for name, needed_from in _NEEDED_FROM.items():
        if (name in rows) != (database.user_version >= needed_from):
            state = "not expected" if name in rows else "missing"
            raise Refused(
                "table settings",
                f"row {name!r} is {state} with user_version {database.user_version}: Gajim itself would not start",
            )
    for name, row in rows.items():
        if name not in _NEEDED_FROM and name not in _OPTIONAL_ROWS:
            raise Refused("table settings", f"row {name[:40]!r} is unknown in user_version {database.user_version}")
        _parse_row("settings", row)
    return rows["app"]


def _parse_row(table: str, row: Row) -> Object:
    try:
        return parse_object(row.text)
    except ValueError as error:
        raise Refused(f"table {table}, row {row.key[:40]!r}", str(error)) from None


def _account_of(row: Row) -> Object:
    """The JSON of an account row: an object that holds the object 'account' (and 'contact', 'group_chat')."""
    content = _parse_row("account_settings", row)
    where = f"table account_settings, row {row.key[:40]!r}"
    if "account" not in content:
        raise Refused(where, "'account' is missing")
    for part in ("account", "contact", "group_chat"):
        if not isinstance(content.get(part, {}), dict):
            raise Refused(where, f"{part!r} is not a JSON object")
    for key in IDENTITY:
        if not isinstance(content["account"].get(key, ""), str):
            raise Refused(where, f"{key!r} is not text")
    return content


def _lay_app(app: Object, managed: Managed, user_version: int, taken_back: frozenset[str], new_file: bool) -> bool:
    # A new file states even what equals the default, so that it holds all that was asked for.
    changes = dict(managed.app_enforced) if new_file else _drift(app, managed.app_enforced, APP, user_version)
    for key, value in managed.app_initial.items():
        laid_late = not new_file and key in APP_INITIAL_ONLY_IN_A_NEW_FILE
        if key not in app and key not in managed.app_enforced and not laid_late and f"app {key}" not in taken_back:
            changes[key] = value
    app.update(changes)
    return bool(changes)


def _lay_account(database: Database, accounts: dict[Row, Object], wanted: Account, taken_back: frozenset[str]) -> bool:
    version = database.user_version
    row = _row_of(database, accounts, wanted.identity)
    if row is None:
        if not wanted.held and f"account {wanted.identity}" in taken_back:
            return False
        _insert_account(database, accounts, wanted)
        return True
    account = accounts[row]["account"]
    identity: Values = (
        {"address": wanted.address} if version >= _ADDRESS_FROM else {"name": wanted.local, "hostname": wanted.domain}
    )
    changes: Values = {key: value for key, value in identity.items() if not account.get(key)}
    changes |= _drift(account, wanted.enforced, ACCOUNT, version)
    if changes:
        account.update(changes)
        database.replace("account_settings", row, write_object(accounts[row]))
    return bool(changes)


def _row_of(database: Database, accounts: dict[Row, Object], jid: str) -> Row | None:
    """The row of the account of this address (casefolded)."""
    ours = [row for row in accounts if _bare_address(accounts[row]["account"], database.user_version) == jid]
    if len(ours) > 1:
        keys = ", ".join(repr(row.key[:40]) for row in ours)
        raise Refused("table account_settings", f"{keys} have the same address {jid}: remove all but one in Gajim")
    return ours[0] if ours else None


def _app_items(app: Mapping[str, Any]) -> dict[str, str]:
    return {f"app {key}": _canonical(key, value) for key, value in app.items() if key in APP}


def _account_items(jid: str, account: Mapping[str, Any]) -> dict[str, str]:
    keys = {key: value for key, value in account.items() if key in ACCOUNT and key not in IDENTITY}
    return {f"account {jid}": "", **{f"account {jid} {key}": _canonical(key, value) for key, value in keys.items()}}


def _canonical(key: str, value: Any) -> str:
    return MASK if key in SECRET and value else json.dumps(value, sort_keys=True)


def _by_account(items: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """JID -> what is to be removed of that account: "" -> "" for all of it, key -> value."""
    found: dict[str, dict[str, str]] = {}
    for identity, value in items.items():
        kind, _, rest = identity.partition(" ")
        jid, _, key = rest.partition(" ")
        if kind == "account":
            found.setdefault(jid, {})[key] = value
    return found


def _remove_from_app(database: Database, row: Row, items: Mapping[str, str]) -> bool:
    app = _parse_row("settings", row)
    gone = [identity for identity, value in _app_items(app).items() if items.get(identity) == value]
    for identity in gone:
        del app[identity.partition(" ")[2]]
    if gone:
        database.replace("settings", row, write_object(app))
    return bool(gone)


def _remove_from_account(database: Database, accounts: dict[Row, Object], jid: str, keys: Mapping[str, str]) -> bool:
    row = _row_of(database, accounts, jid)
    if row is None:
        return False
    if "" in keys:
        database.delete("account_settings", row)
        return True
    account = accounts[row]["account"]
    gone = [
        key
        for key, value in keys.items()
        if key in ACCOUNT
        and key not in IDENTITY
        and key in account
        and value != MASK
        and _canonical(key, account[key]) == value
    ]
    for key in gone:
        del account[key]
    if gone:
        database.replace("account_settings", row, write_object(accounts[row]))
    return bool(gone)


def _insert_account(database: Database, accounts: dict[Row, Object], wanted: Account) -> None:
    if any(row.key == wanted.row_key for row in accounts):
        # Renaming it is no way out: workspaces, the message database and the keyring refer to it.
        raise Refused(
            f"table account_settings, row {wanted.row_key!r}",
            f"belongs to another account than {wanted.address}; choose another row key for the managed account",
        )
    # All three keys of the identity: Gajim up to 1.9.0 reads the first two, its migration to user_version 6 makes the
    # third of them, and later ones read the third.
    identity: Values = {"name": wanted.local, "hostname": wanted.domain, "address": wanted.address}
    account = identity | wanted.initial | wanted.enforced
    database.append(
        "account_settings", wanted.row_key, write_object({"account": account, "contact": {}, "group_chat": {}})
    )


def _drift(found: Object, enforced: Values, known: dict[str, Setting], user_version: int) -> Values:
    """The enforced keys that do not hold yet, with their wanted values."""
    drifting: Values = {}
    for key, value in enforced.items():
        holds = same(found[key], value) if key in found else known[key].holds_when_absent(value, user_version)
        if not holds:
            drifting[key] = value
    return drifting


def _bare_address(account: dict[str, Any], user_version: int) -> str | None:
    """The address that this Gajim reads, folded for comparison and without resource; None for a local-link account."""
    if account.get("is_zeroconf") is True:  # XEP-0174, until Gajim 1.9: name and hostname of the machine, no address
        return None
    address = account.get("address", "")
    name, hostname = account.get("name", ""), account.get("hostname", "")
    joined = f"{name}@{hostname}" if name and hostname else ""
    chosen = (address or joined) if user_version >= _ADDRESS_FROM else (joined or address)
    return str(chosen).partition("/")[0].casefold() or None


def _masked(value: Any) -> Any:
    """A copy with the values of secret keys replaced. Whether there is one stays visible."""
    if isinstance(value, dict):
        return {
            key: MASK
            if _SECRET.search(key) and not isinstance(item, bool) and item not in ("", None)
            else _masked(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value


def _readable(value: Object) -> str:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return "\n".join(map(_printable, text.split("\n")))


def _printable(text: str) -> str:
    """A terminal shows this: no control or direction-changing character, no lone surrogate."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
