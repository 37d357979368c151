"""A person's profile in the two forms that servers keep: read, compare with the wish, change only our fields.

vcard-temp (XEP-0054) is what Pidgin and Thunderbird read, vCard4 (XEP-0292, RFC 6351) what Gajim reads first. What the
clients show decides where a value goes:

- The person's own mail and phone are of type home, those of the unit of type work: the pages "Principal" and "Emploi"
  of Gajim's profile. One without a type counts as the person's own.
- Thunderbird shows the last mail address of all, so the unit's stands before the person's.
- Thunderbird shows only the first part of an organization, and Prosody loses the others on the way from vCard4 to
  vcard-temp: the unit is the organization when there is none yet.

Everything else in a profile is the person's: other fields, other values of these, photos, elements that we never heard
of.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

TEMP_NS = "vcard-temp"
V4_NS = "urn:ietf:params:xml:ns:vcard-4.0"
V4_NODE = "urn:xmpp:vcard4"

TEMP_QUERY = f"<vCard xmlns='{TEMP_NS}'/>"

#: In the order in which they are written: see above why the unit's mail stands before the person's.
FIELDS = ("nickname", "name", "unit", "unit_mail", "unit_phone", "mail", "phone")
_WORK = frozenset({"unit_mail", "unit_phone"})
_PHONES = frozenset({"phone", "unit_phone"})
_MAILS = frozenset({"mail", "unit_mail"})

#: Numbers that nobody is to call.
_NO_VOICE = frozenset({"fax", "pager", "modem", "bbs"})

#: RFC 3966 5.1.1 and what people write between digits; none of it changes the number.
_SEPARATORS = frozenset(" .-()/\u00a0\u202f\t")


class Change(NamedTuple):
    """One field that differs; "" stands for none."""

    field: str
    before: str
    after: str

    def is_like(self, other: Change) -> bool:
        """Whether this says the same as another one."""
        return (
            self.field == other.field
            and same(self.field, self.before, other.before)
            and same(self.field, self.after, other.after)
        )

    def __str__(self) -> str:
        if not self.before:
            return f"{self.field} {self.after!r} added"
        if not self.after:
            return f"{self.field} {self.before!r} removed"
        return f"{self.field} {self.before!r} -> {self.after!r}"


class Form(ABC):
    """One of the two forms of a profile: where in its XML the fields stand.

    Attributes:
        root: tag of the whole.
    """

    def __init__(self, namespace: str, root: str, names: Mapping[str, str]) -> None:
        self.root = f"{{{namespace}}}{root}"
        self._namespace = namespace
        self._names = names

    def tag(self, name: str) -> str:
        """A name of this form in ElementTree's notation."""
        return f"{{{self._namespace}}}{name}"

    def properties(self, vcard: Element, field: str) -> Iterator[Element]:
        """The properties that can hold this field, those without a value included."""
        # Everywhere: a vCard4 may have them in a <group/> (RFC 6351 5).
        for prop in vcard.iter(self.tag(self._names[field])):
            if _fits(self._kinds(prop), field):
                yield prop

    def values(self, prop: Element, field: str) -> list[str]:
        """What such a property holds; several parts only for a unit."""
        return [text for holder in self._holders(prop, field) if (text := self._read(holder, field))]

    def all_values(self, vcard: Element, field: str) -> Iterator[str]:
        """Everything that the profile holds of this field, in order."""
        for prop in self.properties(vcard, field):
            yield from self.values(prop, field)

    def text(self, vcard: Element, field: str) -> str:
        """The same for a reader, "" for nothing."""
        return "; ".join(self.all_values(vcard, field))

    def set_value(self, prop: Element, field: str, index: int, value: str) -> None:
        """Replace the value with this index, or give the property one that it has not."""
        holders = self._holders(prop, field)
        full = [holder for holder in holders if self._read(holder, field)]
        fit = full[index : index + 1] or [holder for holder in holders if holder not in full]
        self._write(fit[0] if fit else self._new_holder(prop, field), field, value)

    def remove_value(self, prop: Element, field: str, index: int) -> bool:
        """Remove one of several values; False when it is the only one, and so the property must go."""
        full = [holder for holder in self._holders(prop, field) if self._read(holder, field)]
        if len(full) > 1:
            prop.remove(full[index])
        return len(full) > 1

    def new(self, field: str) -> Element:
        """A property without a value."""
        prop = Element(self.tag(self._names[field]))
        if field in _MAILS or field in _PHONES:
            self._set_kind(prop, field)
        return prop

    @abstractmethod
    def _kinds(self, prop: Element) -> set[str]:
        """Words of the type, in small letters."""

    @abstractmethod
    def _set_kind(self, prop: Element, field: str) -> None:
        """Give a mail or phone its type."""

    @abstractmethod
    def _holders(self, prop: Element, field: str) -> list[Element]:
        """The elements whose text is a value."""

    @abstractmethod
    def _new_holder(self, prop: Element, field: str) -> Element:
        """One more such element."""

    def _read(self, holder: Element, field: str) -> str:
        return (holder.text or "").strip()

    def _write(self, holder: Element, field: str, value: str) -> None:
        holder.text = value


class _Temp(Form):
    """vcard-temp (XEP-0054)."""

    _inside: Mapping[str, tuple[str, ...]] = {
        "unit": ("ORGNAME", "ORGUNIT"),
        **dict.fromkeys(_MAILS, ("USERID",)),
        **dict.fromkeys(_PHONES, ("NUMBER",)),
    }

    def _kinds(self, prop: Element) -> set[str]:
        return {child.tag.rpartition("}")[2].lower() for child in prop}

    def _set_kind(self, prop: Element, field: str) -> None:
        SubElement(prop, self.tag("WORK" if field in _WORK else "HOME"))
        SubElement(prop, self.tag("INTERNET" if field in _MAILS else "VOICE"))

    def _holders(self, prop: Element, field: str) -> list[Element]:
        if field not in self._inside:
            return [prop]
        return [child for name in self._inside[field] for child in prop.findall(self.tag(name))]

    def _new_holder(self, prop: Element, field: str) -> Element:
        return SubElement(prop, self.tag(self._inside[field][0]))


class _V4(Form):
    """vCard4 as XML (RFC 6351)."""

    def _kinds(self, prop: Element) -> set[str]:
        types = prop.iterfind("/".join(map(self.tag, ("parameters", "type", "text"))))
        return {(kind.text or "").strip().lower() for kind in types}

    def _set_kind(self, prop: Element, field: str) -> None:
        kind = SubElement(SubElement(prop, self.tag("parameters")), self.tag("type"))
        SubElement(kind, self.tag("text")).text = "work" if field in _WORK else "home"

    def _holders(self, prop: Element, field: str) -> list[Element]:
        return [child for child in prop if child.tag in (self.tag("text"), self.tag("uri"))]

    def _new_holder(self, prop: Element, field: str) -> Element:
        return SubElement(prop, self.tag("text"))

    def _read(self, holder: Element, field: str) -> str:
        text = super()._read(holder, field)
        return text.removeprefix("tel:") if field in _PHONES else text

    def _write(self, holder: Element, field: str, value: str) -> None:
        if field in _PHONES:
            # As a link (RFC 6350 6.4.1), the only form that Prosody turns into a number of vcard-temp.
            holder.tag, value = self.tag("uri"), f"tel:{plain_number(value)}"
        holder.text = value


TEMP: Form = _Temp(
    TEMP_NS,
    "vCard",
    {
        "nickname": "NICKNAME",
        "name": "FN",
        "unit": "ORG",
        **dict.fromkeys(_MAILS, "EMAIL"),
        **dict.fromkeys(_PHONES, "TEL"),
    },
)
V4: Form = _V4(
    V4_NS,
    "vcard",
    {
        "nickname": "nickname",
        "name": "fn",
        "unit": "org",
        **dict.fromkeys(_MAILS, "email"),
        **dict.fromkeys(_PHONES, "tel"),
    },
)


def found(form: Form, answers: Iterable[Element]) -> Element:
    """The profile in an answer to ``TEMP_QUERY``, or in the items of ``V4_NODE``; an empty one when there is none."""
    for answer in answers:
        for vcard in answer.iter(form.root):
            return vcard
    return Element(form.root)


def plain_number(number: str) -> str:
    """A telephone number without ``tel:``, spaces and other separators: equal for equal numbers."""
    return "".join(character for character in number.strip().removeprefix("tel:") if character not in _SEPARATORS)


def is_number(number: str) -> bool:
    """Whether this can be written as a telephone number: digits and separators, also + * and #."""
    plain = plain_number(number)
    return bool(plain.strip("+*#")) and all(c.isascii() and (c.isdigit() or c in "+*#") for c in plain)


def taken(forms: Sequence[tuple[Form, Element]], wish: Mapping[str, str]) -> set[str]:
    """Fields that the person has filled in another way in at least one form of the profile.

    A server that keeps the two forms apart would otherwise get our value in the one where the person said nothing,
    against what they said in the other.
    """
    return {
        field
        for field, value in wish.items()
        for form, vcard in forms
        if (texts := list(form.all_values(vcard, field))) and not any(same(field, text, value) for text in texts)
    }


def merged(
    form: Form, vcard: Element, wish: Mapping[str, str], *, enforced: Collection[str] = (), kept: Collection[str] = ()
) -> tuple[Element, list[Change]]:
    """A copy of the profile with the wish laid over it.

    Args:
        form: ``TEMP`` or ``V4``.
        vcard: the profile as it is.
        wish: of ``FIELDS``, values not empty.
        enforced: fields whose value is replaced when it is another one; the others are only set where there is none.
        kept: fields that are left alone in any case, unless enforced; see ``taken``.

    Returns:
        The copy, and what differs: nothing when the profile is as wished.
    """
    new = copy.deepcopy(vcard)
    changes = []
    for field in FIELDS:
        value = wish.get(field, "")
        if not value or (field in kept and field not in enforced):
            continue
        present = list(form.all_values(new, field))
        if any(same(field, old, value) for old in present):
            continue
        if present and field not in enforced:
            continue
        changes.append(Change(field, _put(form, new, field, value), value))
    return new, changes


def without(form: Form, vcard: Element, wish: Mapping[str, str]) -> tuple[Element, list[Change]]:
    """A copy of the profile without those fields that still have the given value; what differs."""
    new = copy.deepcopy(vcard)
    changes = []
    for field in FIELDS:
        value = wish.get(field, "")
        for prop in list(form.properties(new, field)) if value else []:
            for index, old in reversed(list(enumerate(form.values(prop, field)))):
                if same(field, old, value):
                    changes.append(Change(field, old, ""))
                    if not form.remove_value(prop, field, index):
                        _remove(new, prop)
    return new, changes


def photo_of(vcard: Element) -> Element | None:
    """The photo of a vcard-temp that has one."""
    for photo in vcard.findall(TEMP.tag("PHOTO")):
        if (photo.findtext(TEMP.tag("BINVAL")) or photo.findtext(TEMP.tag("EXTVAL")) or "").strip():
            return photo
    return None


def _fits(kinds: Collection[str], field: str) -> bool:
    if field in _PHONES and not _NO_VOICE.isdisjoint(kinds):
        return False
    if field in _PHONES or field in _MAILS:
        return ("work" in kinds) == (field in _WORK)
    return True


def same(field: str, one: str, other: str) -> bool:
    """Whether two values of a field mean the same."""
    if field in _PHONES:
        return plain_number(one) == plain_number(other)
    if field in _MAILS:
        return one.strip().casefold() == other.strip().casefold()
    return one.strip() == other.strip()


def _put(form: Form, vcard: Element, field: str, value: str) -> str:
    """Give the field this value: in place of its first one (of an organization, the last part), or anew.

    Returns:
        What was replaced, "" for nothing.
    """
    properties = list(form.properties(vcard, field))
    full = [prop for prop in properties if form.values(prop, field)]
    if full:
        old = form.values(full[0], field)
        index = len(old) - 1 if field == "unit" else 0
        form.set_value(full[0], field, index, value)
        return old[index]
    if properties and field not in _MAILS and field not in _PHONES:
        # Prosody makes an empty <fn/>, old clients empty elements of all kinds: one name is enough.
        form.set_value(properties[0], field, 0, value)
    else:
        prop = form.new(field)
        form.set_value(prop, field, 0, value)
        vcard.insert(_place(form, vcard, field), prop)
    return ""


def _place(form: Form, vcard: Element, field: str) -> int:
    """Where a new property goes: at the end, the unit's mail before the person's."""
    own: Iterable[Element] = form.properties(vcard, "mail") if field == "unit_mail" else ()
    positions = [list(vcard).index(prop) for prop in own if prop in list(vcard)]
    return min(positions, default=len(vcard))


def _remove(vcard: Element, prop: Element) -> None:
    for parent in vcard.iter():
        if prop in list(parent):
            parent.remove(prop)
            return
