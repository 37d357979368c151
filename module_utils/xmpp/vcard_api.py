"""A person's profile by ejabberd's API (mod_admin_extra, seen with 23.01): single fields of vcard-temp.

A command reads or sets one field and leaves the others alone, but it sees only the first property of a name. So there
is one mail address, the first. Telephones are told apart by their type, and to set one is to replace all of its type,
those of several types too; one without a type is not to be seen. A field that was taken out stays as an empty element:
there is no command that removes one. The answer about a field that is not there is HTTP 400, of a telephone HTTP 500.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from .avatar import Avatar, plan_avatar
from .profile import Profile, avatar_change, photo_id
from .vcard import FIELDS, Change, same
from .work import Call, Declined, Person

#: Field -> name and subname of the commands.
_PLACES: dict[str, tuple[str, ...]] = {
    "nickname": ("NICKNAME",),
    "name": ("FN",),
    "unit": ("ORG", "ORGNAME"),
    "mail": ("EMAIL", "USERID"),
    "unit_mail": ("EMAIL", "USERID"),
    "phone": ("TEL", "HOME"),
    "unit_phone": ("TEL", "WORK"),
}

#: Types of telephone that hold a field or a person's own number.
_KINDS_OF_TELEPHONE = ("HOME", "CELL", "WORK")

Steps = Generator[Call, Any, None]


def vcard_by_api(person: Person, profile: Profile, *, present: bool) -> Steps:
    """The work for one person; see ``vcard_work``."""
    task = _Task(person, profile, present)
    yield from task.texts()
    if profile.avatar:
        yield from task.avatar(profile.avatar)
    task.end()


class _Task:
    """Reads all that is wished, then writes what differs."""

    def __init__(self, person: Person, profile: Profile, present: bool) -> None:
        self._person = person
        self._profile = profile
        self._present = present
        self._after: list[str] = []

    def texts(self) -> Steps:
        """The texts: all are read before the first is written, as a write changes what the next read would see."""
        wish = dict(self._profile.texts)
        left_out = yield from self._out_of_reach(wish)
        changes = []
        for field in FIELDS:
            if field in wish and field not in left_out:
                now = yield from self._value(field)
                wanted = self._wanted(field, now, wish[field])
                self._lines(field, now, wanted)
                if wanted != now:
                    changes.append(Change(field, now, wanted))
        for change in changes:
            yield from self._set(change.field, change.after)
            self._person.changes.append(str(change))
        if left_out:
            self._person.detail = f"left out: {', '.join(left_out)}; ejabberd's API cannot tell it from another one"

    def avatar(self, avatar: Avatar) -> Steps:
        """The picture, as the photo of the vCard."""
        now = yield from self._get("PHOTO", "BINVAL")
        ids = [photo_id(now)] if now else []
        steps = plan_avatar(ids, avatar, present=self._present, enforced="avatar" in self._profile.enforced)
        self._lines("avatar", " ".join(ids), (avatar.ident if self._present else "") if steps else " ".join(ids))
        if not steps:
            return
        if not self._person.dry:
            yield self._put("PHOTO", "TYPE", avatar.kind if self._present else "")
            yield self._put("PHOTO", "BINVAL", avatar.base64 if self._present else "")
        self._person.changes.append(str(avatar_change(ids, avatar, self._present)))

    def end(self) -> None:
        """Close the record."""
        self._person.after = "".join(self._after)

    def _wanted(self, field: str, now: str, wished: str) -> str:
        if same(field, now, wished):
            return now if self._present else ""
        replace = self._present and (not now or field in self._profile.enforced)
        return wished if replace else now

    def _value(self, field: str) -> Generator[Call, Any, str]:
        value = yield from self._get(*_PLACES[field])
        if field == "unit":
            part = yield from self._get("ORG", "ORGUNIT")
            # Where there is an organization with parts, the unit is one of them: nothing is added to it.
            return part if part and same(field, part, self._profile.texts[field]) else value or part
        if field == "phone" and not value:
            # The person's own as well; one without any type is not to be seen.
            return (yield from self._get("TEL", "CELL"))
        return value

    def _out_of_reach(self, wish: dict[str, str]) -> Generator[Call, Any, list[str]]:
        """The fields that are wished and cannot be told from others."""
        fields: list[str] = []
        if not wish.keys().isdisjoint(("mail", "unit_mail")):
            mine = yield from self._whose_mail(wish)
            fields += [field for field in ("mail", "unit_mail") if field in wish and field != mine]
        if not wish.keys().isdisjoint(("phone", "unit_phone")) and (yield from self._get("TEL", "FAX")):
            # To set a number is to replace all of its type, the fax among them.
            fields += [field for field in ("phone", "unit_phone") if field in wish]
        return fields

    def _whose_mail(self, wish: dict[str, str]) -> Generator[Call, Any, str]:
        """Whose the one mail address is that can be reached, "mail" or "unit_mail"; an empty one has a type too."""
        if (yield from self._has("EMAIL", "WORK")):
            return "unit_mail"
        if (yield from self._has("EMAIL", "HOME")) or (yield from self._get("EMAIL", "USERID")):
            return "mail"
        return "mail" if "mail" in wish else "unit_mail"

    def _set(self, field: str, value: str) -> Steps:
        if self._person.dry:
            return
        if field in ("phone", "unit_phone"):
            yield from self._set_telephone(field, value)
            return
        yield self._put(*_PLACES[field], value)
        if field in ("mail", "unit_mail") and value:
            kind = "HOME" if field == "mail" else "WORK"
            if not (yield from self._has("EMAIL", kind)):
                yield self._put("EMAIL", kind, "")

    def _set_telephone(self, field: str, value: str) -> Steps:
        """Set a number, or take it out with ""; what else was seen of telephones is to be seen afterwards."""
        numbers = {}
        for kind in _KINDS_OF_TELEPHONE:
            numbers[kind] = yield from self._get("TEL", kind)
        own = [_PLACES[field][1]]
        if field == "phone" and not value:
            # The person's own is where it was found; of several types, in all of them.
            goes = numbers["HOME"] or numbers["CELL"]
            own = [kind for kind in ("HOME", "CELL") if numbers[kind] == goes]
        for kind in own:
            yield self._put("TEL", kind, value)
        for kind, number in numbers.items():
            # One of both types, at home and at work for instance, went with those of the type that was set.
            if kind not in own and number and not (yield from self._get("TEL", kind)):
                yield self._put("TEL", kind, number)

    def _get(self, *place: str) -> Generator[Call, Any, str]:
        """A value; "" when there is none."""
        answer = yield from self._answer(place)
        value = answer.get("content") if isinstance(answer, dict) else None
        return value.strip() if isinstance(value, str) else ""

    def _has(self, *place: str) -> Generator[Call, Any, bool]:
        """Whether there is such an element, be it empty."""
        return (yield from self._answer(place)) is not None

    def _answer(self, place: tuple[str, ...]) -> Generator[Call, Any, Any]:
        try:
            return (yield _call("get", place, writes=False))
        except Declined as declined:
            # No such value; of a telephone, the same as if the server were ill, which the next command will show.
            if declined.condition == "400" or (place[0] == "TEL" and declined.condition == "500"):
                return None
            raise

    def _put(self, *place_and_value: str) -> Call:
        return _call("set", place_and_value[:-1], writes=True, content=place_and_value[-1])

    def _lines(self, name: str, before: str, after: str) -> None:
        self._person.before += f"{name}: {before}\n" if before else ""
        self._after += [f"{name}: {after}\n"] if after else []


def _call(verb: str, place: tuple[str, ...], *, writes: bool, **more: str) -> Call:
    if len(place) == 1:
        return Call(f"{verb}_vcard", {"name": place[0], **more}, writes=writes)
    return Call(f"{verb}_vcard2", {"name": place[0], "subname": place[1], **more}, writes=writes)
