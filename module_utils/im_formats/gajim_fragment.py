"""The managed fragment of Gajim: JSON in the shape of Gajim's own --export-settings, checked before it is laid."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field

from .gajim_json import Object, parse_object
from .gajim_keys import (
    ACCOUNT,
    ACCOUNT_REWRITTEN_BY_GAJIM,
    APP,
    IDENTITY,
    Setting,
    Value,
    is_runtime_state,
    same,
)

Values = dict[str, Value]


@dataclass(frozen=True)
class Account:
    """What is asked of one account.

    Attributes:
        row_key: its key in a file that does not know the account yet.
        local: part of the address before the @.
        domain: part of the address after the @.
        enforced: keys that must hold, identity left out.
        initial: keys that a new account starts with, identity left out.
        held: whether the enforced fragment speaks of the account: then it is made anew when it is gone.
    """

    row_key: str
    local: str
    domain: str
    enforced: Values
    initial: Values
    held: bool

    @property
    def address(self) -> str:
        """Bare JID."""
        return f"{self.local}@{self.domain}"

    @property
    def identity(self) -> str:
        """What tells this account from the others, however its address is written."""
        return self.address.casefold()


@dataclass(frozen=True)
class Managed:
    """Both fragments together."""

    app_enforced: Values = field(default_factory=dict)
    app_initial: Values = field(default_factory=dict)
    accounts: tuple[Account, ...] = ()


def parse_fragments(enforced: str, initial: str) -> Managed:
    """Read the two fragments of a merge.

    Args:
        enforced: ``{"app": {KEY: VALUE}, "accounts": {ROW KEY: {"account": {"address": BARE JID, KEY: VALUE}}}}``, or
            blank. Every part is optional, but each account needs its address.
        initial: the same shape.

    Raises:
        ValueError: not that shape, an unknown key, a value of the wrong type, or an enforced key that Gajim rewrites
            by itself. Says where; never quotes a value.
    """
    held_app, held_accounts = _parse("enforced fragment", enforced)
    first_app, first_accounts = _parse("initial fragment", initial)
    for row_key, values in held_accounts.items():
        for key in sorted(ACCOUNT_REWRITTEN_BY_GAJIM & values.keys()):
            raise ValueError(
                f"enforced fragment, account {row_key!r}: Gajim rewrites {key!r} by itself, so it cannot be enforced; "
                "put it in the initial fragment"
            )
    accounts = tuple(
        _account(key, held_accounts.get(key), first_accounts.get(key)) for key in {**held_accounts, **first_accounts}
    )
    row_keys: dict[str, str] = {}
    for account in accounts:
        other = row_keys.setdefault(account.identity, account.row_key)
        if other != account.row_key:
            raise ValueError(f"accounts {other!r} and {account.row_key!r}: both have the address {account.address}")
    return Managed(held_app, first_app, accounts)


def is_bare_jid(text: str) -> bool:
    """Whether a fragment could ask for an account of this address."""
    local, _, domain = text.partition("@")
    return all(part and part.isprintable() and not set(part) & set(" @/") for part in (local, domain))


def _parse(where: str, text: str) -> tuple[Values, dict[str, Values]]:
    if not text.strip():
        return {}, {}
    try:
        fragment = parse_object(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    _only(where, fragment, ("app", "accounts"))
    app = _values(f"{where}, app", _object(where, fragment, "app"), APP)
    accounts: dict[str, Values] = {}
    rows = _object(where, fragment, "accounts")
    for row_key in rows:
        here = f"{where}, account {row_key!r}"
        if not row_key or not row_key.isprintable():
            raise ValueError(f"{here}: a row key is printable text")
        row = _object(f"{where}, accounts", rows, row_key)
        _only(here, row, ("account",))
        accounts[row_key] = _values(here, _object(here, row, "account"), ACCOUNT)
    return app, accounts


def _object(where: str, parent: Object, key: str) -> Object:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{where}: {key!r} is not a JSON object")
    return value


def _only(where: str, found: Object, known: tuple[str, ...]) -> None:
    for key in found:
        if key not in known:
            raise ValueError(f"{where}: {key!r} is not managed here; known: {', '.join(known)}")


def _values(where: str, found: Object, known: Mapping[str, Setting]) -> Values:
    for key, value in found.items():
        if is_runtime_state(key):
            raise ValueError(f"{where}: {key!r} is state of the running Gajim, not a setting to manage")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{where}: Gajim has no setting {key!r} that is managed here{hint}")
        kind = type(known[key].default)
        if type(value) is not kind:
            raise ValueError(f"{where}: {key!r} is a {kind.__name__}, not a {type(value).__name__}")
    return dict(found)


def _account(row_key: str, enforced: Values | None, initial: Values | None) -> Account:
    where = f"account {row_key!r}"
    said = [values for values in (enforced, initial) if values is not None]
    for values in said:
        if not values.get("address"):
            raise ValueError(f"{where}: needs its 'address', a bare JID such as user@example.org")
        if not is_bare_jid(str(values["address"])):
            raise ValueError(f"{where}: 'address' is not a bare JID such as user@example.org")
    local, _, domain = str(said[0]["address"]).partition("@")
    identity: Values = {"name": local, "hostname": domain, "address": f"{local}@{domain}"}
    for values in said:
        for key in IDENTITY:
            if key in values and not same(values[key], identity[key]):
                raise ValueError(f"{where}: {key!r} does not agree with the address {identity['address']}")
    return Account(
        row_key,
        local,
        domain,
        _without_identity(enforced or {}),
        _without_identity(initial or {}),
        held=enforced is not None,
    )


def _without_identity(values: Values) -> Values:
    return {key: value for key, value in values.items() if key not in IDENTITY}
