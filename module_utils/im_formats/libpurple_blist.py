"""Pidgin's blist.xml: of the buddy list, only the rooms (chats) are managed; contacts live on the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .libpurple import (
    PROLOG,
    Fragment,
    LibpurpleFormat,
    Setting,
    atoi,
    bare,
    lay_settings,
    lay_texts,
    new_setting,
    setting_parts,
    settings_left,
    text_parts,
    texts_left,
)
from .libpurple_items import Part, account_words, shown, without_at, word
from .xml_edit import Document, Element, New, walk

#: (protocol, bare account casefolded, room casefolded, conference server casefolded)
ChatKey = tuple[str, str, str, str]

_ORDER = ("alias", "component", "setting")


@dataclass
class Chat:
    """What a fragment says about one room.

    Attributes:
        group: name of the group in which a missing room is added.
        attributes: ``proto`` and ``account``.
        texts: the alias, if it is stated.
        components: room, server, handle, password by name; used only for a room that does not exist yet.
        settings: by name, such as gtk-autojoin.
    """

    group: str
    attributes: dict[str, str]
    texts: dict[str, str]
    components: dict[str, str]
    settings: dict[str, Setting]


class LibpurpleBlist(LibpurpleFormat[ChatKey, Chat]):
    """Merge of blist.xml (libpurple source: blist.c; seen with Pidgin 2.14.12).

    A room is found in whatever group the person moved it to. One that exists gets the enforced settings and alias
    only; its components (nickname, password) are the person's.
    """

    file_name = "blist.xml"
    root_tag = "purple"
    empty = PROLOG + b"<purple version='1.0'/>\n"

    def _read(self, fragment: Fragment) -> dict[ChatKey, Chat]:
        chats: dict[ChatKey, Chat] = {}
        for blist in fragment.children(fragment.root, ("blist",), ("version",)):
            for group in fragment.children(blist, ("group",)):
                name = fragment.required(group, "name")
                if any(child.tag in ("contact", "person", "buddy") for child in group.children):
                    raise fragment.mistake(group, "contacts are not seeded: XMPP keeps them on the server")
                for element in fragment.children(group, ("chat",), ("name",)):
                    chat = _read_chat(fragment, element, name)
                    key = _chat_key(chat.attributes, chat.components)
                    if key in chats:
                        raise fragment.mistake(element, "the same room twice for one account")
                    chats[key] = chat
        return chats

    def _lay(self, document: Document, enforced: dict[ChatKey, Chat], initial: dict[ChatKey, Chat]) -> None:
        root = document.root
        # libpurple reads the first <blist> only, and chats directly inside its groups only.
        blist: Element | New | None = next(iter(root.named("blist")), None)
        groups: dict[str | None, Element | New] = {}
        existing: dict[ChatKey, list[Element]] = {}
        if isinstance(blist, Element):
            for group in blist.named("group"):
                groups.setdefault(group.attributes.get("name"), group)
                for element in group.named("chat"):
                    existing.setdefault(_element_key(element), []).append(element)
        for key in {**enforced, **initial}:
            if key in existing:
                if key in enforced:
                    for element in existing[key]:
                        _lay_chat(document, element, enforced[key])
                continue
            chat = _union([source[key] for source in (initial, enforced) if key in source])
            if blist is None:
                blist = document.insert(root, New("blist"), before=next(iter(root.named("privacy")), None))
            if chat.group not in groups:
                groups[chat.group] = document.insert(blist, New("group", {"name": chat.group}))
            document.insert(groups[chat.group], _new_chat(chat))

    def _without(self, initial: dict[ChatKey, Chat], taken_back: frozenset[str]) -> dict[ChatKey, Chat]:
        return {
            key: replace(
                chat,
                texts=texts_left(_identity(key), chat.texts, taken_back),
                components={
                    name: text
                    for name, text in chat.components.items()
                    if _component_identity(_identity(key), name) not in taken_back
                },
                settings=settings_left(f"{_identity(key)} setting", chat.settings, taken_back),
            )
            for key, chat in initial.items()
            if _identity(key) not in taken_back
        }

    def _parts(self, document: Document) -> Iterator[Part]:
        for blist in document.root.named("blist")[:1]:
            yield Part("blist", blist, goes="empty")
            for group in blist.named("group"):
                name = group.attributes.get("name")
                if name:
                    yield Part(f"group {name}", group, goes="empty")
                for chat in group.named("chat"):
                    key = _element_key(chat)
                    if all(key):
                        yield from _chat_parts(chat, _identity(key))

    def _findings(self, document: Document) -> Iterator[str]:
        for element, entering in walk(document.root):
            if entering and element.tag == "chat":
                components = _components(element)
                if components.get("password"):
                    # IRC calls a room "channel" and has no conference server.
                    names = (components.get("room") or components.get("channel"), components.get("server"))
                    room = "@".join(word(name.casefold()) for name in names if name)
                    yield f"password of room {room or 'without a name'}"


def _identity(key: ChatKey) -> str:
    protocol, account, room, server = key
    return f"room {without_at(room)}@{word(server)} of {account_words(protocol, account)}"


def _component_identity(room: str, name: str) -> str:
    return f"{room} component {word(name)}"


def _chat_parts(element: Element, identity: str) -> Iterator[Part]:
    yield Part(identity, element)
    yield from text_parts(identity, element, ("alias",))
    for component in element.named("component"):
        name = component.attributes.get("name")
        if name and name not in ("room", "server"):  # these two are in the identity
            yield Part(_component_identity(identity, name), component, shown(name, component.text), "value")
    yield from setting_parts(f"{identity} setting", element, _truth)


def _read_chat(fragment: Fragment, element: Element, group: str) -> Chat:
    attributes = {name: fragment.required(element, name) for name in ("proto", "account")}
    chat = Chat(group, attributes, {}, {}, {})
    for child in fragment.children(element, _ORDER, ("proto", "account")):
        if child.tag == "alias":
            chat.texts["alias"] = fragment.text(child)
        elif child.tag == "component":
            chat.components[fragment.required(child, "name")] = fragment.text(child, ("name",))
        else:
            name, setting = fragment.setting(child)
            chat.settings[name] = setting
    if len(chat.texts) + len(chat.components) + len(chat.settings) != len(element.children):
        raise fragment.mistake(element, "an alias, component or setting twice in one <chat>")
    for name in ("room", "server"):
        text = chat.components.get(name, "")
        if not text or text.strip() != text:
            raise fragment.mistake(element, f"a <chat> needs a component '{name}', without white space around it")
    return chat


def _element_key(element: Element) -> ChatKey:
    return _chat_key(element.attributes, _components(element))


def _components(chat: Element) -> dict[str, str]:
    return {child.attributes.get("name", ""): child.text for child in chat.named("component")}


def _chat_key(attributes: Mapping[str, str], components: Mapping[str, str]) -> ChatKey:
    """Identity of a room; ``protocol`` is what old versions wrote for ``proto``."""
    proto = attributes.get("proto") or attributes.get("protocol", "")
    room, server = (components.get(name, "").casefold() for name in ("room", "server"))
    return proto, bare(attributes.get("account", "")), room, server


def _union(sources: list[Chat]) -> Chat:
    """A chat to be added: what the later sources say wins."""
    chat = Chat("", {}, {}, {}, {})
    for source in sources:
        chat.group = source.group
        chat.attributes |= source.attributes
        chat.texts |= source.texts
        chat.components |= source.components
        chat.settings |= source.settings
    return chat


def _new_chat(chat: Chat) -> New:
    children = [New("alias", text=text) for text in chat.texts.values() if text]
    children += [New("component", {"name": name}, text) for name, text in chat.components.items() if text]
    children += [new_setting(name, setting) for name, setting in chat.settings.items() if setting.value]
    return New("chat", chat.attributes, children=children)


def _lay_chat(document: Document, element: Element, chat: Chat) -> None:
    lay_texts(document, element, chat.texts, _ORDER)
    lay_settings(document, [element], chat.settings, _truth)


def _truth(text: str) -> bool:
    """blist.c reads a bool as a number: 'true' is 0."""
    return atoi(text) != 0


FORMAT = LibpurpleBlist()
