"""Pidgin's accounts.xml: the person's accounts, among which ours are found by protocol and bare name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

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
    setting_parts,
    settings_left,
    text_parts,
    texts_left,
)
from .libpurple_items import Part, account_label, account_words, word
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


@dataclass
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

    def _without(self, initial: dict[AccountKey, Account], taken_back: frozenset[str]) -> dict[AccountKey, Account]:
        return {
            key: _account_left(key, account, taken_back)
            for key, account in initial.items()
            if _identity(key) not in taken_back
        }

    def _parts(self, document: Document) -> Iterator[Part]:
        for element in document.root.named("account"):
            key = _key(element)
            if all(key):
                yield from _account_parts(element, _identity(key))

    def _findings(self, document: Document) -> Iterator[str]:
        for element in document.root.named("account"):
            label = f"account {account_label(*_key(element))}"
            if any(password.text for password in element.named("password")):
                yield label
            for proxy in element.named("proxy"):
                if any(password.text for password in proxy.named("password")):
                    yield f"proxy password of {label}"
            for block in element.named("settings"):
                for setting in block.named("setting"):
                    name = setting.attributes.get("name", "")
                    if name.endswith("password") and setting.text:
                        yield f"setting {word(name)} of {label}"


def _identity(key: AccountKey) -> str:
    return f"account {account_words(*key)}"


def _settings_words(ui: str | None) -> tuple[str, str]:
    """How identities call a block of settings, and how those of its settings begin, behind the account."""
    return ("settings", "setting") if ui is None else (f"settings {word(ui)}", f"setting {word(ui)}")


def _account_parts(element: Element, identity: str) -> Iterator[Part]:
    yield Part(identity, element)
    yield from text_parts(identity, element, ("password", "alias"))
    for block in element.named("settings"):
        block_words, setting_words = _settings_words(block.attributes.get("ui"))
        yield Part(f"{identity} {block_words}", block, goes="empty")
        yield from setting_parts(f"{identity} {setting_words}", block, _truth)
    for proxy in reversed(element.named("proxy")):
        yield Part(f"{identity} proxy", proxy, goes="empty")
        yield from text_parts(f"{identity} proxy", proxy, _PROXY_ORDER, _canonical_proxy_text)


def _account_left(key: AccountKey, account: Account, taken_back: frozenset[str]) -> Account:
    identity = _identity(key)
    return replace(
        account,
        texts=texts_left(identity, account.texts, taken_back),
        settings={
            ui: settings_left(f"{identity} {_settings_words(ui)[1]}", settings, taken_back)
            for ui, settings in account.settings.items()
        },
        proxy=texts_left(f"{identity} proxy", account.proxy, taken_back),
    )


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
    return _canonical_proxy_text(tag, one) == _canonical_proxy_text(tag, other)


def _canonical_proxy_text(tag: str, text: str) -> str:
    """Without <type> the global proxy is used, without <port> it is 0 (account.c, parse_proxy_info)."""
    if tag == "type":
        return text or "global"
    return str(atoi(text)) if tag == "port" else text


FORMAT = LibpurpleAccounts()
