"""Pidgin's accounts.xml: the person's accounts, among which ours are found by protocol and bare name."""

from __future__ import annotations

from dataclasses import dataclass, field

from .libpurple import (
    PROLOG,
    Fragment,
    LibpurpleFormat,
    Setting,
    atoi,
    bare,
    insert_in_order,
    lay_settings,
    lay_texts,
    new_setting,
)
from .xml_edit import Document, Element, New

#: (protocol, bare name casefolded)
AccountKey = tuple[str, str]

#: Order in which Pidgin 2.14.12 writes the children of an account, of a proxy.
_ORDER = (
    "protocol",
    "name",
    "password",
    "alias",
    "statuses",
    "userinfo",
    "buddyicon",
    "settings",
    "proxy",
    "current_error",
)
_PROXY_ORDER = ("type", "host", "port", "username", "password")
_PROXY_TYPES = ("global", "none", "http", "socks4", "socks5", "tor", "envvar")


@dataclass(slots=True)
class Account:
    """What a fragment says about one account.

    Attributes:
        protocol: such as "prpl-jabber".
        name: "user@domain" or "user@domain/resource"; used only for an account that does not exist yet.
        texts: password and alias, those that are stated.
        settings: by the ``ui`` of their block (None for libpurple's own), then by name.
        proxy: children of <proxy> by tag.
    """

    protocol: str
    name: str
    texts: dict[str, str] = field(default_factory=dict)
    settings: dict[str | None, dict[str, Setting]] = field(default_factory=dict)
    proxy: dict[str, str] = field(default_factory=dict)


class LibpurpleAccounts(LibpurpleFormat[AccountKey, Account]):
    """Merge of accounts.xml (libpurple source: account.c; seen with Pidgin 2.14.12).

    An account that exists gets the enforced values only, and keeps its ``name``: blist.xml refers to it. libpurple
    collapses accounts that differ in resource or case only, so enforced values are set in each of them.
    """

    file_name = "accounts.xml"
    root_tag = "account"
    empty = PROLOG + b"<account version='1.0'/>\n"

    def _read(self, fragment: Fragment) -> dict[AccountKey, Account]:
        accounts: dict[AccountKey, Account] = {}
        for element in fragment.children(fragment.root, ("account",), ("version",)):
            account = _read_account(fragment, element)
            key = (account.protocol, bare(account.name))
            if key in accounts:
                raise fragment.mistake(element, "the same account twice: Pidgin ignores case and resource")
            accounts[key] = account
        return accounts

    def _lay(self, document: Document, enforced: dict[AccountKey, Account], initial: dict[AccountKey, Account]) -> None:
        existing: dict[AccountKey, list[Element]] = {}
        for element in document.root.named("account"):
            existing.setdefault(_key(element), []).append(element)
        for key in {**enforced, **initial}:
            if key not in existing:
                document.insert(document.root, _new_account(enforced.get(key), initial.get(key)))
            elif key in enforced:
                for element in existing[key]:
                    _lay_account(document, element, enforced[key])


def _read_account(fragment: Fragment, element: Element) -> Account:
    account = Account("", "")
    seen = set()
    for child in fragment.children(element, ("protocol", "name", "password", "alias", "settings", "proxy")):
        tag = child.tag
        identity = f"settings ui={child.attributes.get('ui')}" if tag == "settings" else tag
        if identity in seen:
            raise fragment.mistake(child, f"a second <{identity}> in one account")
        seen.add(identity)
        if tag == "settings":
            account.settings[child.attributes.get("ui")] = _read_settings(fragment, child)
        elif tag == "proxy":
            account.proxy = _read_proxy(fragment, child)
        elif tag == "protocol":
            account.protocol = fragment.text(child)
        elif tag == "name":
            account.name = fragment.text(child)
        else:
            account.texts[tag] = fragment.text(child)
    if not account.protocol or not bare(account.name):
        raise fragment.mistake(element, "an <account> needs <protocol> and <name>, they identify it")
    if account.name.strip() != account.name or account.protocol.strip() != account.protocol:
        raise fragment.mistake(element, "white space around <protocol> or <name>: Pidgin would take it as part of them")
    if account.texts.get("password") == "":
        # Laid over an account, it would wipe a password that the person stored.
        raise fragment.mistake(element, "an empty <password>; leave the element out, then Pidgin asks for it")
    return account


def _read_settings(fragment: Fragment, block: Element) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for element in fragment.children(block, ("setting",), ("ui",)):
        name, setting = fragment.setting(element)
        if name in settings:
            raise fragment.mistake(element, f"setting '{name}' twice in one block")
        settings[name] = setting
    return settings


def _read_proxy(fragment: Fragment, element: Element) -> dict[str, str]:
    proxy: dict[str, str] = {}
    for child in fragment.children(element, _PROXY_ORDER):
        if child.tag in proxy:
            raise fragment.mistake(child, f"a second <{child.tag}> in one <proxy>")
        proxy[child.tag] = fragment.text(child)
        if child.tag == "port" and proxy["port"]:
            fragment.check_value(child, "int", proxy["port"])
        if child.tag == "type" and proxy["type"] not in _PROXY_TYPES:
            raise fragment.mistake(child, f"unknown proxy type; known: {', '.join(_PROXY_TYPES)}")
    return proxy


def _key(account: Element) -> AccountKey:
    """Identity of an account in the document, read as account.c does: first child of a name, old <username> else."""
    texts = {child.tag: child.text for child in reversed(account.children)}
    return texts.get("protocol", ""), bare(texts.get("name") or texts.get("username", ""))


def _new_account(enforced: Account | None, initial: Account | None) -> New:
    sources = [account for account in (initial, enforced) if account]
    identity = sources[-1]
    texts: dict[str, str] = {}
    settings: dict[str | None, dict[str, Setting]] = {}
    proxy: dict[str, str] = {}
    for account in sources:
        texts |= account.texts
        proxy |= account.proxy
        for ui, values in account.settings.items():
            settings.setdefault(ui, {}).update(values)
    children = [New("protocol", text=identity.protocol), New("name", text=identity.name)]
    children += [New(tag, text=texts[tag]) for tag in ("password", "alias") if texts.get(tag)]
    # libpurple's own block first, then those of the user interfaces.
    for ui in sorted(settings, key=lambda ui: ui is not None):
        if block := _new_settings(ui, settings[ui]):
            children.append(block)
    if new_proxy := _new_proxy(proxy):
        children.append(new_proxy)
    return New("account", children=children)


def _new_settings(ui: str | None, settings: dict[str, Setting]) -> New | None:
    children = [new_setting(name, setting) for name, setting in settings.items() if setting.value]
    return New("settings", {} if ui is None else {"ui": ui}, children=children) if children else None


def _new_proxy(proxy: dict[str, str]) -> New | None:
    if all(_same_proxy_text(tag, text, "") for tag, text in proxy.items()):
        return None
    return New("proxy", children=[New(tag, text=proxy[tag]) for tag in _PROXY_ORDER if proxy.get(tag)])


def _lay_account(document: Document, element: Element, account: Account) -> None:
    lay_texts(document, element, account.texts, _ORDER)
    for ui, settings in account.settings.items():
        blocks = [block for block in element.named("settings") if block.attributes.get("ui") == ui]
        if blocks:
            lay_settings(document, blocks, settings, _truth)
        elif new := _new_settings(ui, settings):
            insert_in_order(document, element, new, _ORDER)
    proxies = element.named("proxy")
    for proxy in proxies:
        lay_texts(document, proxy, account.proxy, _PROXY_ORDER, _same_proxy_text)
    if not proxies and (new := _new_proxy(account.proxy)):
        insert_in_order(document, element, new, _ORDER)


def _truth(text: str) -> bool:
    """account.c: anything that does not start with 0 is true."""
    return not text.startswith("0")


def _same_proxy_text(tag: str, one: str, other: str) -> bool:
    """Without <type> the global proxy is used, without <port> it is 0 (account.c, parse_proxy_info)."""
    if tag == "type":
        return (one or "global") == (other or "global")
    if tag == "port":
        return atoi(one) == atoi(other)
    return one == other


FORMAT = LibpurpleAccounts()
