"""What the format 'mozilla_profiles' promises: the profile that the client opens is found and never shadowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.mozilla_install import install_hash
from ansible.module_utils.im_formats.mozilla_profiles import FORMAT, locate
from hypothesis import given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parents[2] / "golden" / "thunderbird"
FRAGMENT = (GOLDEN / "managed" / "enforced-profiles.ini").read_text(encoding="utf-8")
FIRST_START = (GOLDEN / "153-first-start" / "profiles.ini").read_bytes()
OWN = (GOLDEN / "153-own-mail-account" / "profiles.ini").read_bytes()
OURS = "FDC34C9F024745EB"
USED = (GOLDEN / "153-own-mail-account" / "perso.default" / "compatibility.ini").read_bytes()
USED_BY_US = {"perso.default/compatibility.ini": USED}
OTHER_INSTALL = OWN.replace(OURS.encode(), b"1111111111111111")
UNLOCKED = OTHER_INSTALL.replace(b"Locked=1\n", b"")
LEGACY = b"[General]\nStartWithLastProfile=1\n\n[Profile0]\nName=default\nIsRelative=1\nPath=abcd.default\n"


def profile(number: int, **entries: str) -> bytes:
    values = {"Name": f"p{number}", "IsRelative": "1", "Path": f"p{number}.default", **entries}
    return f"[Profile{number}]\n".encode() + "".join(f"{key}={value}\n" for key, value in values.items()).encode()


def install(path: str, name: str = OURS) -> bytes:
    return f"[Install{name}]\nDefault={path}\nLocked=1\n\n".encode()


# Step 1: the installation names a profile.


@pytest.mark.parametrize(
    ("content", "directory"),
    [
        (FIRST_START, "mfzbaopl.default-default"),
        (OWN, "perso.default"),
        (OWN.replace(b"\n", b"\r\n"), "perso.default"),
        (b"\xef\xbb\xbf# note\n" + OWN, "perso.default"),
        (OWN.replace(OURS.encode(), b"18C3977DFDAA23D7"), "perso.default"),
        (install("p1.default") + profile(0, Default="1") + profile(1), "p1.default"),
    ],
)
def test_a_profile_that_the_installation_names_is_used_and_nothing_is_written(content: bytes, directory: str) -> None:
    assert FORMAT.merge(content, FRAGMENT, "") is content
    assert locate(content, FRAGMENT) == directory
    assert FORMAT.locate(content, FRAGMENT, {}) == directory


@pytest.mark.parametrize(
    "path",
    ["/elsewhere/mail", "../mail", "a/../b", "a//b", "C:/mail", "a\\b", ".", "a/./b"],
)
def test_a_profile_outside_of_the_clients_directory_is_refused(path: str) -> None:
    content = install(path) + profile(0, Path=path)
    assert FORMAT.merge(content, FRAGMENT, "") is content
    with pytest.raises(Refused, match="outside"):
        locate(content, FRAGMENT)


def test_an_absolute_profile_is_refused_with_a_remedy() -> None:
    content = install("mail") + profile(0, Path="mail", IsRelative="0")
    with pytest.raises(Refused, match=r"\[Profile0\].*move it back"):
        locate(content, FRAGMENT)


# Step 2: the default profile, used by this installation.


@pytest.mark.parametrize("content", [UNLOCKED, LEGACY.replace(b"abcd", b"perso"), profile(0, Path="perso.default")])
@pytest.mark.parametrize(
    "used", [USED, b"", b"[Compatibility]\n", b"nonsense", b"[Compatibility]\nLastPlatformDir=C:\\x\n"]
)
def test_a_default_profile_that_was_used_is_taken_and_nothing_is_written(content: bytes, used: bytes) -> None:
    siblings = {"perso.default/compatibility.ini": used}
    assert FORMAT.merge(content, FRAGMENT, "", siblings) is content
    assert locate(content, FRAGMENT, siblings) == "perso.default"


def test_the_last_profile_marked_as_default_counts() -> None:
    content = profile(0, Default="1") + profile(1, Default="1") + profile(2)
    siblings = {f"p{number}.default/compatibility.ini": USED for number in range(3)}
    assert locate(content, FRAGMENT, siblings) == "p1.default"


def test_on_macos_the_directory_of_the_resources_stands_for_the_executables() -> None:
    hashed = install_hash("/Applications/Thunderbird.app/Contents/MacOS")
    fragment = FRAGMENT.replace(OURS, hashed).replace("managed.default", "Profiles/managed.default")
    content = profile(0, Path="Profiles/x.default")
    used = b"[Compatibility]\nLastPlatformDir=/Applications/Thunderbird.app/Contents/Resources\n"
    assert FORMAT.merge(content, fragment, "", {"Profiles/x.default/compatibility.ini": used}) is content


# Step 3: the client would make a new profile.


@pytest.mark.parametrize(
    ("content", "siblings"),
    [
        # Each seen with Thunderbird 153.7.0esr: it made a new profile.
        (UNLOCKED, {"perso.default/compatibility.ini": USED.replace(b"/usr/lib/", b"/home/user/")}),
        (OTHER_INSTALL, USED_BY_US),
        (UNLOCKED, {}),
        (LEGACY, {}),
        (profile(0) + profile(1), {"p0.default/compatibility.ini": USED}),
    ],
    ids=["used by another", "locked by another", "never used", "old and never used", "none is the default"],
)
def test_a_profile_is_added_where_the_client_would_make_one(content: bytes, siblings: dict[str, bytes]) -> None:
    merged = FORMAT.merge(content, FRAGMENT, "", siblings)
    assert merged.startswith(content)
    added = merged.removeprefix(content).decode()
    number = content.count(b"[Profile")
    assert f"[Profile{number}]\nName=managed\nIsRelative=1\nPath=managed.default\n" in added
    assert f"[Install{OURS}]\nDefault=managed.default\nLocked=1\n" in added
    assert ("Default=1" in added) == (number == 2), "ours is the default only where no other one is"
    assert "[General]" not in added
    assert locate(merged, FRAGMENT, siblings) == "managed.default"
    assert FORMAT.merge(merged, FRAGMENT, "", siblings) is merged


@pytest.mark.parametrize("current", [None, b"", b"\n", b"# nothing yet\n", b"\xef\xbb\xbf"])
def test_an_absent_or_empty_file_becomes_a_complete_one(current: bytes | None) -> None:
    merged = FORMAT.merge(current, FRAGMENT, "")
    assert merged.startswith(current or b"[")
    for group in ("InstallFDC34C9F024745EB", "Install18C3977DFDAA23D7", "Profile0", "General"):
        assert f"[{group}]\n".encode() in merged
    assert b"Default=1\n" in merged
    assert locate(merged, FRAGMENT) == "managed.default"
    assert FORMAT.merge(merged, FRAGMENT, "") is merged


def test_our_profile_is_not_listed_twice() -> None:
    content = profile(0, Default="1") + profile(1, Path="managed.default")
    merged = FORMAT.merge(content, FRAGMENT, "")
    assert merged.count(b"[Profile") == 2
    assert locate(merged, FRAGMENT) == "managed.default"


def test_the_name_of_our_profile_is_one_that_no_other_has() -> None:
    merged = FORMAT.merge(profile(0, Name="managed"), FRAGMENT, "")
    assert b"[Profile1]\nName=managed-managed\n" in merged


def test_the_line_ends_of_the_file_are_kept() -> None:
    merged = FORMAT.merge(UNLOCKED.replace(b"\n", b"\r\n"), FRAGMENT, "")
    assert merged.count(b"\n") == merged.count(b"\r\n")


# An installation that names nothing makes the client ask at each start (seen with Thunderbird 153.7.0esr).


def test_an_installation_that_names_no_listed_profile_is_pointed_to_the_one_that_was_used() -> None:
    content = OWN.replace(b"Default=perso.default", b"Default=gone.default")
    merged = FORMAT.merge(content, FRAGMENT, "", USED_BY_US)
    assert merged == OWN


@pytest.mark.parametrize("path", ["gone.default", ""])
def test_an_installation_that_names_nothing_is_pointed_to_ours_if_none_was_used(path: str) -> None:
    content = OWN.replace(b"Default=perso.default", f"Default={path}".encode())
    merged = FORMAT.merge(content, FRAGMENT, "")
    assert locate(merged, FRAGMENT) == "managed.default"
    assert merged.startswith(OWN.replace(b"Default=perso.default", b"Default=managed.default"))


def test_a_profile_behind_a_gap_is_not_listed_as_the_client_stops_there() -> None:
    content = install("p2.default") + profile(0) + profile(2)
    merged = FORMAT.merge(content, FRAGMENT, "")
    assert b"[Profile1]\nName=managed\n" in merged
    assert locate(merged, FRAGMENT) == "managed.default"


def test_a_profile_without_isrelative_hides_the_others_and_is_refused() -> None:
    with pytest.raises(Refused, match="Profile0"):
        FORMAT.merge(b"[Profile0]\nPath=x\n", FRAGMENT, "")


# Files of clients before 67, that did not know installations.


def test_installations_of_installs_ini_count_where_the_client_would_take_them_over() -> None:
    siblings = {"installs.ini": f"[{OURS}]\nDefault=abcd.default\n".encode()}
    assert FORMAT.merge(LEGACY, FRAGMENT, "", siblings) is LEGACY
    assert locate(LEGACY, FRAGMENT, siblings) == "abcd.default"
    current = LEGACY.replace(b"[General]\n", b"[General]\nVersion=2\n")
    assert FORMAT.merge(current, FRAGMENT, "", siblings) != current


def test_an_installs_ini_that_names_nothing_is_refused_as_the_client_would_take_it_over() -> None:
    with pytest.raises(Refused, match=r"installs\.ini"):
        FORMAT.merge(LEGACY, FRAGMENT, "", {"installs.ini": f"[{OURS}]\nDefault=gone\n".encode()})
    with pytest.raises(Refused, match=r"installs\.ini"):
        FORMAT.merge(LEGACY, FRAGMENT, "", {"installs.ini": b"nonsense"})


# Malformed files and fragments.


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"Name=x\n", "line 1"),
        (b"[Profile0]\nName\n", "line 2"),
        (b"[Profile0]\n[Profile0]\n", "line 2"),
        (b"\n[Profile0\n", "line 2"),
        (b"[Profile0] more\n", "line 1"),
        (b"[]\n", "line 1"),
        (b"[a]\n=x\n", "line 2"),
        (b"[a]\nb=\xe9\n", "line 2"),
        (b"[a]\r\nb=c\0\r\n", "line 2"),
        (b"\xff\xfe[\0a\0]\0", "line 1"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(content: bytes, where: str) -> None:
    with pytest.raises(Refused) as of_merge:
        FORMAT.merge(content, FRAGMENT, "")
    with pytest.raises(Refused) as of_locate:
        locate(content, FRAGMENT)
    assert of_merge.value.where == of_locate.value.where == where


def test_a_file_in_which_the_client_would_make_a_new_profile_cannot_be_located() -> None:
    with pytest.raises(Refused, match="would make a new one"):
        locate(b"", FRAGMENT)


@pytest.mark.parametrize(
    "fragment",
    [
        "nonsense",
        "[Profile0]\nName=a\nIsRelative=1\nPath=b",
        FRAGMENT.replace("Path=managed.default", "Path=../x"),
        FRAGMENT.replace("IsRelative=1", "IsRelative=0"),
        FRAGMENT.replace("Name=managed\n", ""),
        FRAGMENT.replace("Default=managed.default", "Default=x", 1),
        FRAGMENT + "\n[Profile1]\nName=x\n",
        FRAGMENT + "\n[BackgroundTasksProfiles]\na=b\n",
    ],
)
def test_a_malformed_fragment_is_a_mistake_of_the_template(fragment: str) -> None:
    with pytest.raises(ValueError, match=r"^fragment: "):
        FORMAT.merge(None, fragment, "")
    with pytest.raises(ValueError, match=r"^fragment: "):
        locate(OWN, fragment)


def test_there_is_no_initial_fragment() -> None:
    with pytest.raises(ValueError, match="no initial"):
        FORMAT.merge(None, FRAGMENT, FRAGMENT)
    assert FORMAT.merge(OWN, "", "\n") is OWN
    assert FORMAT.merge(None, " ", "") == b""


def test_the_text_for_people_is_the_file() -> None:
    assert FORMAT.describe(OWN) == OWN.decode()
    assert FORMAT.describe(None) == ""
    assert FORMAT.describe(b"\xff") == "not readable (1 bytes)\n"


LINES = st.sampled_from(
    [
        *(f"[Profile{number}]" for number in range(3)),
        f"[Install{OURS}]",
        "[InstallAB]",
        "[General]",
        *("Name=a", "IsRelative=1", "IsRelative=0", "Path=a.default", "Path=b.default", "Path=managed.default"),
        *("Default=1", "Default=a.default", "Default=", "Locked=1", "Version=2", "; note", "", "  # note", "StoreID=é"),
    ]
)


@given(
    st.lists(LINES, max_size=25),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([{}, {"a.default/compatibility.ini": USED}, {"installs.ini": b"[AB]\nDefault=a.default\n"}]),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_any_file_of_lines_keeps_what_is_foreign_and_leads_to_one_profile(
    lines: list[str], eol: str, siblings: dict[str, bytes], ended: bool
) -> None:
    content = (eol.join(lines) + (eol if ended else "")).encode()
    try:
        merged = FORMAT.merge(content, FRAGMENT, "", siblings)
        directory = locate(merged, FRAGMENT, siblings)
    except Refused:
        return
    assert FORMAT.merge(merged, FRAGMENT, "", siblings) is merged
    assert f"Path={directory}".encode() in merged
    kept = iter(merged.decode().splitlines())
    foreign = [line for line in lines if not line.startswith("Default=")]
    assert all(line in kept for line in foreign), "every foreign line, in its order"


@given(st.binary(max_size=200), st.binary(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_merged_or_refused(content: bytes, sibling: bytes) -> None:
    assert FORMAT.describe(content) is not None
    siblings = {"p0.default/compatibility.ini": sibling, "installs.ini": sibling}
    for current in (content, profile(0) + content):
        try:
            merged = FORMAT.merge(current, FRAGMENT, "", siblings)
            assert locate(merged, FRAGMENT, siblings)
        except Refused:
            continue
        assert FORMAT.merge(merged, FRAGMENT, "", siblings) is merged


# What was laid can be taken out.


def created(before: bytes, after: bytes) -> dict[str, str]:
    known = FORMAT.items(before)
    return {item: value for item, value in FORMAT.items(after).items() if item not in known}


OTHER = "18C3977DFDAA23D7"
WANTED = {"profile managed.default": "", f"install {OURS}": "managed.default", f"install {OTHER}": "managed.default"}


def test_the_items_are_profiles_and_installations() -> None:
    assert FORMAT.items(OWN)["profile perso.default"] == ""
    assert FORMAT.items(OWN)[f"install {OURS}"] == "perso.default"
    assert FORMAT.items(f"[Install{OURS}]\n".encode()) == {f"install {OURS}": ""}
    assert FORMAT.wanted(FRAGMENT).items() >= WANTED.items()
    assert FORMAT.items(FORMAT.merge(None, FRAGMENT, "")) == FORMAT.wanted(FRAGMENT)
    assert FORMAT.wanted("\n") == {}
    assert FORMAT.findings(OWN) == FORMAT.findings(b"\xff") == []


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"\xef\xbb\xbf",
        b"# nothing yet\n",
        UNLOCKED,
        OTHER_INSTALL,
        OTHER_INSTALL.rstrip(b"\n"),
        OTHER_INSTALL.rstrip(b"\n") + b"\n",
        OTHER_INSTALL.replace(b"\n", b"\r\n"),
        LEGACY,
        b"[General]\nStartWithLastProfile=1\n",
        profile(0) + profile(1),
    ],
)
def test_taking_out_what_a_merge_created_gives_back_the_bytes(before: bytes) -> None:
    after = FORMAT.merge(before, FRAGMENT, "")
    assert after != before
    assert FORMAT.remove(after, created(before, after)) == before


def test_taking_out_nothing_gives_the_very_same_object() -> None:
    for items in ({}, {"profile gone": "", f"install {OURS}": "gone"}, {"profile perso.default": "x"}):
        assert FORMAT.remove(OWN, items) is OWN


def test_a_profile_that_an_installation_still_names_stays() -> None:
    content = install("managed.default") + install("managed.default", "AB") + profile(0, Path="managed.default")
    left = FORMAT.remove(content, WANTED)
    assert left == install("managed.default", "AB") + profile(0, Path="managed.default")
    assert FORMAT.remove(content, {"profile managed.default": ""}) is content


def test_an_installation_that_the_user_pointed_elsewhere_stays_and_our_profile_goes() -> None:
    content = install("p1.default") + profile(0, Path="managed.default") + b"\n" + profile(1)
    left = FORMAT.remove(content, WANTED)
    assert left == install("p1.default") + profile(1).replace(b"Profile1", b"Profile0")
    assert locate(left, FRAGMENT) == "p1.default"


def test_the_profile_stays_unless_it_is_asked_for() -> None:
    laid = FORMAT.merge(None, FRAGMENT, "")
    left = FORMAT.remove(laid, {item: value for item, value in WANTED.items() if item.startswith("install")})
    assert FORMAT.items(left) == {"profile managed.default": ""}
    assert b"[General]" in left


def test_the_last_profile_takes_the_number_of_the_one_that_goes() -> None:
    content = profile(0) + b"\n" + profile(1, Path="managed.default") + b"\n" + profile(2) + b"\n" + profile(3)
    left = FORMAT.remove(content, WANTED)
    assert left == profile(0) + b"\n" + profile(2) + b"\n" + profile(3).replace(b"Profile3", b"Profile1")


def test_comments_and_foreign_groups_stay() -> None:
    content = b"# a\n[Profile0]\nName=x\n; b\nIsRelative=1\nPath=managed.default\nStoreID=1\n\n[Mine]\nc=d\n"
    assert FORMAT.remove(content, WANTED) == b"# a\n; b\n\n[Mine]\nc=d\n"


@given(
    st.lists(LINES, max_size=25),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([{}, {"a.default/compatibility.ini": USED}]),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_any_file_is_as_it_was_when_what_was_created_is_taken_out(
    lines: list[str], eol: str, siblings: dict[str, bytes], ended: bool
) -> None:
    before = (eol.join(lines) + (eol if ended else "")).encode()
    try:
        after = FORMAT.merge(before, FRAGMENT, "", siblings)
    except Refused:
        return
    back = FORMAT.remove(after, created(before, after))
    was, now = FORMAT.items(before), FORMAT.items(back)
    pointed_anew = {item for item, value in was.items() if FORMAT.items(after)[item] != value}
    gap = "[Profile0]" not in lines or ("[Profile2]" in lines and "[Profile1]" not in lines)
    assert set(now) - {"profile managed.default"} == set(was) - {"profile managed.default"}
    if not pointed_anew and not gap:
        assert back == before
    # Not one installation is left with a profile that is listed no more.
    assert {path for item, path in now.items() if item.startswith("install")} - {
        path for item, path in was.items() if item.startswith("install")
    } <= {item.removeprefix("profile ") for item in now}


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_the_items_of_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert FORMAT.findings(content) == []
    for current in (content, profile(0) + content):
        try:
            items = FORMAT.items(current)
            assert FORMAT.remove(current, {}) is current
            assert FORMAT.items(FORMAT.remove(current, items)) == {}
        except Refused:
            continue
