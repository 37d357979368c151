"""profiles.ini of Thunderbird: which of a user's profiles the client opens.

The fragment is a profiles.ini as for a fresh home: one ``[Install<hash>]`` per directory the client may be installed in
(see mozilla_install.install_hash), all naming one ``[Profile0]``, and ``[General]``::

    [InstallFDC34C9F024745EB]
    Default=managed.default
    Locked=1

    [Profile0]
    Name=managed
    IsRelative=1
    Path=managed.default
    Default=1

    [General]
    StartWithLastProfile=1
    Version=2

The merge chooses as the client does (nsToolkitProfileService.cpp; each step seen with Thunderbird 153.7.0esr), so that
a user's own profile is found and never shadowed:

1. the profile that ``[Install<hash>]`` names, if it is listed;
2. else the profile with ``Default=1``, or the only one, if this installation used it last (its compatibility.ini says
   so) and no other installation has locked it;
3. else the client would make a new, empty one. Then, and only then, ours is added and the installations point to it.

An ``[Install<hash>]`` that names no listed profile makes the client ask at each start: it is pointed to the profile of
step 2 or 3.

Taking out keeps a document with which the client starts without asking (nsToolkitProfileService.cpp):

- a profile that an installation still names stays listed;
- without a gap in the numbers, behind which the client would see no profile: as the client itself does, the last
  profile takes the number of the one that goes;
- with no profile left, the client makes a new one as on the first day; with no installation left, it goes through the
  steps 2 and 3 itself.

The directories of profiles, with a person's mail, are never touched: at worst the person picks hers again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .base import Refused, Siblings
from .key_value_lines import KeyValueLines, LinesError, masked_text
from .mozilla_install import install_hash

COMPATIBILITY = "compatibility.ini"
INSTALLS = "installs.ini"
_INSTALL = "Install"
_GENERAL = "General"
_GENERAL_KEYS = {"StartWithLastProfile", "Version"}
_PROFILE_GROUP = re.compile("Profile(0|[1-9][0-9]{0,8})")
_PROFILE_ITEM = "profile "
_INSTALL_ITEM = "install "


@dataclass(frozen=True)
class _Profile:
    """One listed profile: its group, its Path as written, whether that is relative, whether it is marked as default."""

    group: str
    path: str
    relative: bool
    default: bool


@dataclass(frozen=True)
class _Fragment:
    """What the fragment asks: hashes of the installations, and the groups to add for them."""

    hashes: list[str]
    installs: dict[str, dict[str, str]]
    profile: dict[str, str]
    rest: dict[str, dict[str, str]]


class MozillaProfiles:
    """The format of profiles.ini. Siblings it looks at: ``<Path>/compatibility.ini`` of each profile, installs.ini."""

    def merge(
        self,
        current: bytes | None,
        enforced: str,
        initial: str,
        siblings: Siblings | None = None,
        taken_back: frozenset[str] = frozenset(),
    ) -> bytes:
        """Have the client open a profile that we know; see im_formats.base.Format and the head of this module."""
        if initial.strip():
            raise ValueError("fragment: profiles.ini has no initial values")
        if not enforced.strip():
            return current if current is not None else b""
        wanted = _fragment(enforced)
        text = _read(b"" if current is None else current)
        choice = _Choice(text, wanted.hashes, siblings or {})
        if choice.named:
            pass
        elif choice.adopted:
            _point(text, choice.dangling, wanted, choice.adopted.path)
        else:
            _add_profile(text, choice, wanted)
            _point(text, wanted.hashes, wanted, wanted.profile["Path"])
            for group, entries in wanted.rest.items() if not text.groups else ():
                text.append(group, entries)
        return text.render()

    def items(self, content: bytes, siblings: Siblings | None = None) -> dict[str, str]:
        """Profiles, "profile PATH" -> "", and installations, "install HASH" -> PATH; see im_formats.base.Format.

        All that are written there, even behind a gap where the client does not look.
        """
        text = _read(content)
        found = {f"{_PROFILE_ITEM}{path}": "" for path in _written_profiles(text).values()}
        return {**found, **{f"{_INSTALL_ITEM}{one}": path for one, path in _written_installs(text).items()}}

    def wanted(self, fragment: str) -> dict[str, str]:
        """The same for a fragment; see im_formats.base.Format.

        Where the client opens a profile of the person's own, that is used and none of this is laid.
        """
        if not fragment.strip():
            return {}
        _fragment(fragment)
        return self.items(fragment.strip().encode())

    def remove(self, current: bytes, items: Mapping[str, str], siblings: Siblings | None = None) -> bytes:
        """Take installations that still name the given profile, and profiles, out; see im_formats.base.Format.

        [General] goes with the last of them if it stands behind them, where merge() lays it, and holds nothing else.
        """
        text = _read(current)
        for install, path in _written_installs(text).items():
            if items.get(_INSTALL_ITEM + install) == path:
                text = _read(text.without_group(_INSTALL + install))
        named = set(_written_installs(text).values())
        for path in set(_written_profiles(text).values()) - named:
            if items.get(_PROFILE_ITEM + path) == "":
                text = _without_profile(text, path)
        content = text.render()
        if (
            content != current
            and list(text.groups) == [_GENERAL]
            and set(text.groups[_GENERAL].entries) <= _GENERAL_KEYS
        ):
            behind = list(_read(current).groups)[-1] == _GENERAL
            return text.without_group(_GENERAL) if behind else content
        return content if content != current else current

    def findings(self, content: bytes) -> list[str]:
        """None: profiles.ini holds no password; see im_formats.base.Format."""
        return []

    def describe(self, content: bytes | None) -> str:
        """Text of profiles.ini; it holds no secret. See im_formats.base.Format."""
        return "" if content is None else masked_text(content)

    def locate(self, content: bytes, enforced: str, siblings: Siblings | None = None) -> str:
        """Find the directory of the profile that the client will open.

        Args:
            content: profiles.ini, as merge() gave it.
            enforced: the fragment given to merge().
            siblings: as for merge().

        Returns:
            The directory, relative to that of profiles.ini, "/"-separated.

        Raises:
            Refused: the profile lies outside of the directory of profiles.ini, or the client would make a new one.
            ValueError: the fragment is malformed.
        """
        choice = _Choice(_read(content), _fragment(enforced).hashes, siblings or {})
        profile = choice.named or choice.adopted
        if profile is None:
            raise Refused("", "no profile is listed that the client would open; it would make a new one")
        if not profile.relative or not _stays_inside(profile.path):
            raise Refused(
                f"[{profile.group}]",
                "the profile lies outside of the client's own directory, where nothing is written; move it back, "
                "or let its owner set up the account",
            )
        return profile.path


FORMAT = MozillaProfiles()


def locate(content: bytes, enforced: str, siblings: Siblings | None = None) -> str:
    """Find the directory of the profile that the client will open; see MozillaProfiles.locate."""
    return FORMAT.locate(content, enforced, siblings)


class _Choice:
    """What the client would do with a profiles.ini.

    Attributes:
        profiles: those listed.
        free_number: the number at which the list ends.
        named: the one an installation names, None if there is none (step 1).
        dangling: hashes of installations that are known but name no listed profile.
        adopted: the one the client takes for lack of a named one (step 2).
        default: whether a profile is the default one, be it as the only one.
    """

    def __init__(self, text: KeyValueLines, hashes: list[str], siblings: Siblings) -> None:
        self.profiles, self.free_number = _listed(text)
        by_path = {profile.path: profile for profile in reversed(self.profiles)}
        backup = _backup(text, siblings)
        names = {install: _named(text, backup, install) for install in hashes}
        known = [name for name in names.values() if name is not None]
        self.named = next((by_path[name] for name in known if name in by_path), None)
        self.dangling = [install for install, name in names.items() if name is not None and name not in by_path]
        if not self.named and (lost := [install for install in self.dangling if install in backup]):
            raise Refused(
                f"{INSTALLS}, [{lost[0]}]", "names a profile that is not listed; start the client once and choose one"
            )
        # The client keeps the last one marked; without a mark, the only one counts as marked.
        marked = [profile for profile in self.profiles if profile.default][-1:]
        candidates = marked or (self.profiles if len(self.profiles) == 1 else [])
        self.default = bool(candidates)
        self.adopted = next(
            (one for one in candidates if _used_by(one, hashes, siblings) and not _locked(text, one, hashes)), None
        )


def _used_by(profile: _Profile, hashes: list[str], siblings: Siblings) -> bool:
    """Whether the client would say that it used a profile last (IsProfileForCurrentInstall).

    When in doubt, yes: a wrong no hides a person's mail behind a new profile, a wrong yes costs one more run. So a
    file that does not say where the client was, or says it in Windows' way, which takes letter case and the two
    "Program Files" for one, is taken for a yes.
    """
    if (content := siblings.get(f"{profile.path}/{COMPATIBILITY}")) is None:
        return False
    try:
        group = KeyValueLines(content, "#;", tidy=False).groups.get("Compatibility")
    except LinesError:
        return True
    directory = (group.get("LastPlatformDir") if group else None) or ""
    if not directory.startswith("/"):
        return True
    # On macOS this is the directory of the resources, not that of the executable.
    executable = re.sub("/Contents/Resources$", "/Contents/MacOS", directory.rstrip("/"))
    return install_hash(executable) in hashes


def _locked(text: KeyValueLines, profile: _Profile, hashes: list[str]) -> bool:
    """Whether another installation has the profile for itself."""
    return any(
        name.startswith(_INSTALL)
        and name.removeprefix(_INSTALL) not in hashes
        and group.get("Default") == profile.path
        and group.get("Locked") == "1"
        for name, group in text.groups.items()
    )


def _listed(text: KeyValueLines) -> tuple[list[_Profile], int]:
    """The profiles as the client lists them, from Profile0 on, and the number at which it stops."""
    profiles = []
    number = 0
    while (group := text.groups.get(f"Profile{number}")) and group.get("IsRelative") is not None:
        path = group.get("Path")
        if path and group.get("Name") is not None:
            relative = group.get("IsRelative") == "1"
            profiles.append(_Profile(f"Profile{number}", path, relative, group.get("Default") == "1"))
        number += 1
    return profiles, number


def _written_profiles(text: KeyValueLines) -> dict[str, str]:
    """Group -> Path of all profiles that are complete, in the order of the file."""
    return {
        name: path
        for name, group in text.groups.items()
        if _PROFILE_GROUP.fullmatch(name)
        and (path := group.get("Path"))
        and group.get("Name") is not None
        and group.get("IsRelative") is not None
    }


def _written_installs(text: KeyValueLines) -> dict[str, str]:
    """Hash -> Path of all installations; "" for one that names none."""
    return {
        name.removeprefix(_INSTALL): group.get("Default") or ""
        for name, group in text.groups.items()
        if re.fullmatch("Install[0-9A-F]+", name)
    }


def _without_profile(text: KeyValueLines, path: str) -> KeyValueLines:
    """Take a profile out, and close the gap in the numbers as the client does."""
    while group := next((name for name, one in _written_profiles(text).items() if one == path), None):
        text = _read(text.without_group(group))
        last = max(filter(_PROFILE_GROUP.fullmatch, text.groups), key=_number, default=group)
        if _number(last) > _number(group):
            text.rename(last, group)
            text = _read(text.render())
    return text


def _number(group: str) -> int:
    return int(group.removeprefix("Profile"))


def _backup(text: KeyValueLines, siblings: Siblings) -> dict[str, str | None]:
    """What installs.ini says (hash -> Path), if the client will take it over at its next start.

    It does so when profiles.ini was written by a client that did not know installations (before 67): it has no Version.
    """
    general = text.groups.get("General")
    if INSTALLS not in siblings or (general and general.get("Version") is not None):
        return {}
    try:
        backup = KeyValueLines(siblings[INSTALLS], "#;", tidy=False)
    except LinesError as error:
        raise Refused(f"{INSTALLS}, line {error.line}", error.what) from None
    return {install: group.get("Default") for install, group in backup.groups.items()}


def _named(text: KeyValueLines, backup: dict[str, str | None], install: str) -> str | None:
    """The Path that an installation names, None if the installation is not known."""
    group = text.groups.get(_INSTALL + install)
    return backup.get(install) or (group.get("Default") if group else None)


def _add_profile(text: KeyValueLines, choice: _Choice, wanted: _Fragment) -> None:
    """Add our profile, unless it is listed already."""
    if any(profile.path == wanted.profile["Path"] for profile in choice.profiles):
        return
    group = f"Profile{choice.free_number}"
    if group in text.groups:
        raise Refused(f"line {text.groups[group].line}", f"[{group}] has no IsRelative: the client reads no profile on")
    names = {other.get("Name") for other in text.groups.values()}
    entries = dict(wanted.profile)
    while entries["Name"] in names:
        entries["Name"] += "-managed"
    if choice.default:
        entries.pop("Default", None)
    text.append(group, entries)


def _point(text: KeyValueLines, installs: list[str], wanted: _Fragment, path: str) -> None:
    """Have installations name a profile."""
    for install in installs:
        group = _INSTALL + install
        if group in text.groups:
            text.set(group, "Default", path)
        else:
            text.append(group, {**wanted.installs[install], "Default": path})


def _stays_inside(path: str) -> bool:
    parts = path.split("/")
    return not re.search(r"[\\\x00-\x1f]|^[A-Za-z]:", path) and not {"", ".", ".."} & set(parts)


def _read(content: bytes) -> KeyValueLines:
    try:
        return KeyValueLines(content, "#;", tidy=False)
    except LinesError as error:
        raise Refused(f"line {error.line}", error.what) from None


def _fragment(fragment: str) -> _Fragment:
    try:
        text = KeyValueLines(fragment.strip().encode(), "#;", tidy=False)
    except LinesError as error:
        raise ValueError(f"fragment: {error}") from None
    groups = {
        name: {key: entries[-1].value for key, entries in group.entries.items()} for name, group in text.groups.items()
    }
    installs = {
        name.removeprefix(_INSTALL): groups.pop(name) for name in list(groups) if re.fullmatch("Install[0-9A-F]+", name)
    }
    profile = groups.pop("Profile0", {})
    if not installs or set(groups) - {"General"}:
        raise ValueError("fragment: [Install<hash>] groups, [Profile0] and [General] are expected, and nothing else")
    if not profile.get("Name") or profile.get("IsRelative") != "1" or not _stays_inside(profile.get("Path", "")):
        raise ValueError("fragment: [Profile0] needs Name, IsRelative=1 and a Path below the client's directory")
    if any(entries.get("Default") != profile["Path"] for entries in installs.values()):
        raise ValueError("fragment: each [Install<hash>] needs Default=<Path of Profile0>")
    return _Fragment(list(installs), installs, profile, groups)
