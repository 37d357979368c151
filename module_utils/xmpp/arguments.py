"""Arguments that the modules for XMPP share: their specification, and the checks that make values of them.

Each message says where, what and what would do.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .accounts import Account
from .ejabberd_api import Api
from .jid import Jid, JidError, bare_jid
from .resolve import Resolver
from .session import Campaign
from .tls import Trust

SERVER_SPEC: dict[str, Any] = {
    "host": {"type": "str"},
    "port": {"type": "int"},
    "tls": {"type": "str", "choices": ["starttls", "direct"]},
}

#: An account that asks or writes for others.
SERVICE_SPEC: dict[str, Any] = {
    "type": "dict",
    "options": {
        "jid": {"type": "str", "required": True},
        "password": {"type": "str", "no_log": True, "required": True},
        **SERVER_SPEC,
    },
}

#: The HTTP API of ejabberd.
API_SPEC: dict[str, Any] = {
    "type": "dict",
    "options": {
        "url": {"type": "str", "required": True},
        "jid": {"type": "str", "required": True},
        "password": {"type": "str", "no_log": True, "required": True},
        "host": {"type": "str"},
    },
}

#: How to get there, how fast, and in which language to tell.
CAMPAIGN_SPEC: dict[str, Any] = {
    "ca_file": {"type": "path"},
    "allow_plain": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 15},
    "max_failures": {"type": "int", "default": 10},
    "workers": {"type": "int", "default": 4},
    "rate": {"type": "float", "default": 20},
    "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
}

#: Octets of a name, a nick, an address: what RFC 7622 gives to each part of an address.
_MAX_LINE = 1023

_LIMITS = {"timeout": (0.1, 600), "max_failures": (1, 1_000_000), "workers": (1, 8), "rate": (0, 1000)}


class BadArgument(ValueError):
    """An argument cannot be used; the message names it, says why and what would do."""


def accounts_spec(wish: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The specification of a list of accounts, each with these further options."""
    return {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "jid": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
            **SERVER_SPEC,
            **(wish or {}),
        },
    }


def check_numbers(parameters: Mapping[str, Any]) -> None:
    """Check the ranges of those numbers of ``CAMPAIGN_SPEC`` that are there.

    Raises:
        BadArgument: one is out of range.
    """
    for name, (low, high) in _LIMITS.items():
        # Written so that "not a number" is refused as well.
        if name in parameters and not low <= parameters[name] <= high:
            raise BadArgument(f"{name}: {parameters[name]:g} is out of range; it takes {low:g} to {high:g}")


def read_address(text: str, where: str) -> Jid:
    """The bare JID that an argument holds; ``where`` is the argument's name."""
    try:
        return bare_jid(text)
    except JidError as error:
        raise BadArgument(f"{where}: jid {error}") from None


def read_line(text: str | None, where: str) -> str:
    """A line of text without white space around it; "" for none. ``where`` is the argument's name.

    Raises:
        BadArgument: XML cannot carry it, or nobody would see what it is; or it is longer than servers promise to take.
    """
    line = (text or "").strip()
    # Not printable for Python, but part of French spelling and of names in some scripts.
    if not all(character.isprintable() or character in "\u00a0\u202f\u200d" for character in line):
        raise BadArgument(f"{where}: holds a line break, a control character or the like; remove it")
    if len(line.encode()) > _MAX_LINE:
        raise BadArgument(f"{where}: is longer than {_MAX_LINE} octets; shorten it")
    return line


def read_account(entry: Mapping[str, Any], where: str) -> Account:
    """The account that an entry of ``accounts`` or of ``SERVICE_SPEC`` describes.

    Raises:
        BadArgument: jid, host or port are of no use.
    """
    jid = read_address(entry["jid"], where)
    port = entry["port"]
    if port is not None and not 0 < port < 65536:
        raise BadArgument(f"{where} ({jid}): port is {port}; it takes a number from 1 to 65535")
    host = _host(entry["host"], f"{where} ({jid})")
    return Account(jid, entry["password"] or None, host, port, entry["tls"])


def read_service_account(entry: Mapping[str, Any] | None, name: str) -> Account | None:
    """The account that asks or writes for others, under the argument ``name``; None when there is none.

    Raises:
        BadArgument: as ``read_account``; the password is empty.
    """
    if entry is None:
        return None
    service = read_account(entry, name)
    if service.password is None:
        raise BadArgument(f"{name} ({service.jid}): the password is empty; give it, or leave {name} out")
    return service


def read_api(entry: Mapping[str, Any] | None) -> Api | None:
    """Ejabberd's HTTP API under the argument ``api``; None when there is none.

    Raises:
        BadArgument: the address is no https one, or something is missing.
    """
    if entry is None:
        return None
    url = entry["url"].strip()
    example = "write it as https://im.univ.example:5443/api"
    if "@" in url:
        # Not quoted: a password may stand before the '@'.
        raise BadArgument(f"api: the url holds an account; give it as jid and password, and {example}")
    try:
        parts = urlsplit(url)
        name, port = parts.hostname, parts.port or 443
    except ValueError as error:
        raise BadArgument(f"api: url {url!r}: {error}; {example}") from None
    if parts.scheme != "https":
        raise BadArgument(f"api: url {url!r} is no https one, a password would go in clear: {example}")
    if not name or parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise BadArgument(f"api: url {url!r} must be a host, a port and a path: {example}")
    if not entry["password"]:
        raise BadArgument("api: the password is empty; give it, or leave api out")
    jid = read_address(entry["jid"], "api")
    return Api(name, port, parts.path.rstrip("/") or "/api", jid, entry["password"], _host(entry["host"], "api"))


def read_trust(ca_file: str | None) -> Trust:
    """The authorities of ``ca_file``, else the system's.

    Raises:
        BadArgument: the file cannot be read or holds no certificate.
    """
    try:
        return Trust(ca_file)
    except ssl.SSLError:
        raise BadArgument(f"ca_file: {ca_file} holds no certificate; it takes a PEM file") from None
    except OSError as error:
        raise BadArgument(f"ca_file: {ca_file}: {error.strerror}; name a file of the control node") from None


def read_campaign(parameters: Mapping[str, Any]) -> Campaign:
    """What the logins of this run share.

    Raises:
        BadArgument: see ``read_trust``.
    """
    return Campaign(read_trust(parameters["ca_file"]), Resolver(), parameters["timeout"], parameters["allow_plain"])


def _host(text: str | None, where: str) -> str | None:
    if text and (len(text) > 255 or not text.isprintable() or " " in text or "/" in text):
        raise BadArgument(f"{where}: host {text!r} is no host name; write it as im.univ.example")
    return text or None
