"""People from a directory: what an LDAP search or a CSV export says of them, as ``im_people`` wants it.

Pure functions. Nothing is guessed: an entry that gives no JID of the service, or two entries that claim one, are told
with their place, all at once, and no people come out. Attributes of French universities: the SupAnn recommendations
(RENATER) over inetOrgPerson (RFC 2798) and eduPerson.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import yaml

from .im_inventory import InventoryError, complete_people, split_jid

#: Where each attribute of a person is looked up, the first that has a value wins: an LDAP attribute, or a text with
#: {attributes} in it. Without a key it is the JID's localpart.
LDAP_FIELDS: dict[str, list[str]] = {
    "key": [],
    "jid": ["mail"],
    "name": ["displayName", "cn"],
    "nickname": ["eduPersonNickname"],
    "mail": ["mail"],
    "phone": ["telephoneNumber"],
}

#: The same for the entry of the person's structure (class supannEntite).
STRUCTURE_FIELDS: dict[str, list[str]] = {
    "unit": ["description", "ou"],
    "unit_mail": ["mail"],
    "unit_phone": ["telephoneNumber"],
}

#: Where a person names the structure: the main one first.
_AFFILIATIONS = ("supannEntiteAffectationPrincipale", "supannEntiteAffectation")

_NAME_IN_BRACES = re.compile(r"{([^{}]+)}")
_LISTS = ("rooms", "contacts")
_COLUMNS = ("key", "jid", "name", "nickname", "mail", "phone", "unit", "unit_mail", "unit_phone", *_LISTS)


def people_from_ldap(
    entries: Sequence[Mapping[str, Any]],
    service: Mapping[str, Any],
    structures: Iterable[Mapping[str, Any]] = (),
    fields: Mapping[str, str | list[str]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Make people of the results of community.general.ldap_search.

    Args:
        entries: one mapping for each person: ``dn`` and the attributes, a text or a list of texts.
        service: what ``complete_service()`` returned; every JID must be of its domain.
        structures: entries of class supannEntite; a person's is found by supannCodeEntite.
        fields: attribute of a person -> where to look instead of LDAP_FIELDS or STRUCTURE_FIELDS.

    Returns:
        key -> person, sorted by key. The key is the JID's localpart. Several values of an attribute are a set in LDAP
        (RFC 4511 4.1.7): the first in alphabetical order is taken, so that two runs agree. The phone of a person who
        is on the red list (supannListeRouge) is left out.

    Raises:
        InventoryError: nobody found, or entries that cannot be used; one sentence for each.
    """
    chosen = _chosen(fields, {**LDAP_FIELDS, **STRUCTURE_FIELDS})
    units = {code.casefold(): _attributes(entry) for entry in structures for code in _values(entry, "supannCodeEntite")}
    found = []
    for entry in entries:
        attributes = _attributes(entry)
        unit = next((units[code.casefold()] for code in _affiliations(attributes) if code.casefold() in units), {})
        person = {}
        for field, places in chosen.items():
            source = unit if field in STRUCTURE_FIELDS and field not in (fields or {}) else attributes
            if value := _first(source, places):
                person[field] = value
        if _first(attributes, ["supannListeRouge"]).upper() == "TRUE":
            person.pop("phone", None)
        found.append((f"entry {entry.get('dn', '?')!r}", person))
    return _people(
        found,
        service,
        f"no value in {', '.join(chosen['jid'])}",
        "the search found nobody; check its base and its filter",
    )


def people_from_csv(
    content: bytes, service: Mapping[str, Any], fields: Mapping[str, str | list[str]] | None = None
) -> dict[str, dict[str, Any]]:
    """Make people of a CSV export, such as French spreadsheets write it.

    Args:
        content: the file; UTF-8 (with or without a byte order mark), UTF-16 with one, else Windows-1252. Columns are
            parted by semicolons, tabs or commas, as the first line shows; it names them.
        service: as above.
        fields: attribute of a person -> its column, where the column has another name. A person has key, jid, name,
            nickname, mail, phone, unit, unit_mail, unit_phone, rooms and contacts; the last two hold several values
            parted by blanks or ``|``. Other columns are ignored.

    Returns:
        key -> person, sorted by key. Without a jid it is ``<key>@<domain>``, without a key the JID's localpart.

    Raises:
        InventoryError: with line numbers.
    """
    chosen = _chosen(fields, {name: [name] for name in _COLUMNS})
    columns, rows = csv_table(decoded(content))
    asked = [name for places in (fields or {}).values() for place in _texts(places) for name in _names(place)]
    missing = [name for name in asked if name.lower() not in columns]
    identity = [name for place in chosen["jid"] + chosen["key"] for name in _names(place)]
    if missing or not any(name.lower() in columns for name in identity):
        wanted = ", ".join(missing) or "key or jid"
        raise InventoryError([f"line 1: no column {wanted}; there are: {', '.join(columns) or 'none'}"])
    found = [
        (f"line {line}", _row({name: [cell] for name, cell in values.items() if cell}, chosen, service))
        for line, values in rows
    ]
    return _people(found, service, "neither key nor jid", "the file names nobody")


def csv_bytes(content: str) -> bytes:
    """The octets of a file as ansible.builtin.slurp returns them; ValueError when it is no base64."""
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error:
        raise ValueError("the content is no base64; give what ansible.builtin.slurp returned") from None


def csv_table(text: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Part a CSV text into the columns' names, in lower case, and (line number, column -> cell) of each row.

    Raises:
        InventoryError: no table, a column twice, or a row of another width.
    """
    header = text.partition("\n")[0]
    delimiter = max(";\t,", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        columns = [column.strip().lower() for column in next(reader, [])]
        if doubled := [column for column in columns if column and columns.count(column) > 1]:
            raise InventoryError([f"line 1: column {doubled[0]!r} stands there twice; rename one"])
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(columns):
                    many = f"{len(cells)} columns instead of {len(columns)}"
                    raise InventoryError([f"line {reader.line_num}: {many}; quote the texts that hold {delimiter!r}"])
                rows.append((reader.line_num, {k: v.strip() for k, v in zip(columns, cells, strict=True)}))
    except csv.Error as error:
        raise InventoryError([f"line {reader.line_num}: {error}"]) from None
    return columns, rows


def people_file(people: Mapping[str, Any]) -> str:
    """The YAML text of a variables file that holds the people as ``im_directory_people``.

    What stands in a directory is data, some of it written by the people themselves: every text that Ansible could take
    for a template is marked ``!unsafe``, so that a name such as ``{{ 1 + 1 }}`` stays a name.
    """
    return yaml.dump(
        {"im_directory_people": people}, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1000, indent=2
    )


class _Dumper(yaml.SafeDumper):
    """SafeDumper that marks possible templates; no anchors, people edit such files."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if "{" in value:
        return dumper.represent_scalar("!unsafe", value, style='"')
    return dumper.represent_str(value)


# Ansible's own texts, mappings and lists are subclasses.
_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(str, _represent_text)
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
_Dumper.add_multi_representer(list, yaml.SafeDumper.represent_list)


def _row(
    values: Mapping[str, list[str]], chosen: Mapping[str, list[str]], service: Mapping[str, Any]
) -> dict[str, Any]:
    person: dict[str, Any] = {name: value for name, places in chosen.items() if (value := _first(values, places))}
    if "jid" not in person and "key" in person:
        person["jid"] = f"{person['key']}@{service['domain']}"
    for name in _LISTS:
        if name in person:
            person[name] = [word for word in re.split(r"[\s|]+", person[name]) if word]
    if "contacts" in person:
        person["contacts"] = [{"jid": jid} for jid in person["contacts"]]
    return person


def _people(
    found: Iterable[tuple[str, dict[str, Any]]], service: Mapping[str, Any], no_jid: str, nobody: str
) -> dict[str, dict[str, Any]]:
    """Give each (place, person) its key, and check them all at the inventory's door."""
    problems: list[str] = []
    people: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    for where, person in found:
        jid = str(person.get("jid", "")).lower()
        try:
            localpart, domain = split_jid(jid)
        except ValueError as error:
            problems.append(f"{where}: {error if jid else f'no JID: {no_jid}'}")
            continue
        if domain != str(service["domain"]).lower():
            problems.append(f"{where}: {jid} is not of {service['domain']}; leave it out, or take its JID elsewhere")
            continue
        key = str(person.pop("key", localpart))
        if key in places:
            problems.append(f"{where}: {key} is already {places[key]}; one account, one person")
            continue
        places[key] = where
        people[key] = {**person, "jid": jid}
    if not problems and not people:
        problems.append(nobody)
    if not problems:
        complete_people(people, service)
        return dict(sorted(people.items()))
    raise InventoryError(problems)


def _chosen(fields: Mapping[str, str | list[str]] | None, known: Mapping[str, list[str]]) -> dict[str, list[str]]:
    if unknown := [name for name in fields or {} if name not in known]:
        raise InventoryError([f"fields: a person has no {name!r}; known: {', '.join(known)}" for name in unknown])
    return {**known, **{name: _texts(places) for name, places in (fields or {}).items()}}


def _texts(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value]


def _attributes(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """Attribute in lower case (LDAP ignores case, RFC 4512 2.5) -> its values, sorted."""
    return {name.lower(): _values(entry, name) for name in entry}


def _values(entry: Mapping[str, Any], name: str) -> list[str]:
    value: Any = next((entry[key] for key in entry if key.lower() == name.lower()), [])
    return sorted(text for one in (value if isinstance(value, list) else [value]) if (text := str(one).strip()))


def _affiliations(attributes: Mapping[str, list[str]]) -> list[str]:
    return [code for name in _AFFILIATIONS for code in attributes.get(name.lower(), [])]


def _first(attributes: Mapping[str, list[str]], places: Iterable[str]) -> str:
    """The first place that gives a value; "" when none does."""
    for place in places:
        values = {name: attributes.get(name.lower()) for name in _names(place)}
        if all(values.values()):
            found = {name: value[0] for name, value in values.items() if value}
            return _NAME_IN_BRACES.sub(partial(_named, found), place) if "{" in place else found[place]
    return ""


def _names(place: str) -> list[str]:
    """The attributes or columns that a place needs: itself, or those that it has in braces."""
    return _NAME_IN_BRACES.findall(place) if "{" in place else [place]


def _named(values: Mapping[str, str], match: re.Match[str]) -> str:
    return values[match[1]]


def decoded(content: bytes) -> str:
    """The text of a file as spreadsheets write it: UTF-8, UTF-16 with a byte order mark, else Windows-1252.

    Raises:
        InventoryError: it is none of these.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InventoryError(["the file is neither UTF-8 nor Windows-1252; save it again as « CSV UTF-8 »"])
