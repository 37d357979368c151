"""What the format 'libpurple_accounts' promises beyond the laws (test_libpurple_laws.py)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from ansible.module_utils.im_formats.base import Refused
from ansible.module_utils.im_formats.libpurple_accounts import FORMAT

GOLDEN = Path(__file__).parents[2] / "golden" / "pidgin"
HOSTILE = 'Zoë O\'Brien & "Co" <x> \\'
PROLOG = "<?xml version='1.0' encoding='UTF-8' ?>\n\n"


def account(name: str = "zoe@univ.example", inner: str = "", protocol: str = "prpl-jabber") -> str:
    return f"<account><protocol>{protocol}</protocol><name>{name}</name>{inner}</account>"


def file(*accounts: str) -> str:
    return f"<account version='1.0'>{''.join(accounts)}</account>"


def setting(name: str, kind: str, value: str, ui: str = "") -> str:
    return f"<settings{ui}><setting name='{name}' type='{kind}'>{value}</setting></settings>"


def merge(current: str | None, enforced: str = "", initial: str = "") -> str:
    """Merge and prove on the way that the result is well-formed and that merging again changes nothing."""
    merged: bytes = FORMAT.merge(None if current is None else current.encode(), enforced, initial)
    ET.fromstring(merged)
    assert FORMAT.merge(merged, enforced, initial) is merged
    text: str = merged.decode()
    return text


def test_a_new_account_is_written_in_pidgins_order_with_initial_and_enforced_values() -> None:
    enforced = file(account("zoe@univ.example", setting("port", "int", "5222") + "<proxy><type>none</type></proxy>"))
    initial = file(
        account(
            "zoe@univ.example/poste",
            setting("auto-login", "bool", "1", " ui='gtk-gaim'")
            + '<alias>Zo&#xeb; O\'Brien &amp; "Co" &lt;x> \\</alias><password>pw</password>'
            + "<settings><setting name='port' type='int'>1</setting>"
            + "<setting name='check-mail' type='bool'>0</setting><setting name='ft_proxies' type='string'/></settings>",
        )
    )
    assert merge(None, enforced, initial) == PROLOG + (
        "<account version='1.0'>\n"
        "\t<account>\n"
        "\t\t<protocol>prpl-jabber</protocol>\n"
        "\t\t<name>zoe@univ.example</name>\n"
        "\t\t<password>pw</password>\n"
        "\t\t<alias>Zoë O&apos;Brien &amp; &quot;Co&quot; &lt;x&gt; \\</alias>\n"
        "\t\t<settings>\n"
        "\t\t\t<setting name='port' type='int'>5222</setting>\n"
        "\t\t\t<setting name='check-mail' type='bool'>0</setting>\n"
        "\t\t</settings>\n"
        "\t\t<settings ui='gtk-gaim'>\n"
        "\t\t\t<setting name='auto-login' type='bool'>1</setting>\n"
        "\t\t</settings>\n"
        "\t\t<proxy>\n"
        "\t\t\t<type>none</type>\n"
        "\t\t</proxy>\n"
        "\t</account>\n"
        "</account>\n"
    )
    assert ET.fromstring(merge(None, enforced, initial)).findtext("account/alias") == HOSTILE


@pytest.mark.parametrize("name", ["Zoe@Univ.Example/Home", "zoe@univ.example/", "zoe@univ.example"])
def test_an_account_that_differs_in_case_or_resource_is_ours_and_keeps_its_name(name: str) -> None:
    current = file(account(name, setting("port", "int", "5298")))
    merged = merge(current, file(account("zoe@univ.example/poste", setting("port", "int", "5222"))))
    assert merged == current.replace("5298", "5222")


@pytest.mark.parametrize(
    "foreign",
    [
        account("zoe@univ.example", protocol="prpl-irc"),
        account("zoe@other.example"),
        account("zo@univ.example"),
        "<account><name>zoe@univ.example</name></account>",
        "<account><protocol>prpl-jabber</protocol></account>",
        "<group>" + account() + "</group>",
    ],
)
def test_another_protocol_domain_user_or_place_is_not_ours(foreign: str) -> None:
    ours = account(inner=setting("port", "int", "5222"))
    merged = merge(file(foreign), file(ours))
    assert merged.startswith(file(foreign).removesuffix("</account>"))
    assert len(ET.fromstring(merged).findall("account")) == len(ET.fromstring(file(foreign, ours)).findall("account"))


def test_an_enforced_value_is_set_in_each_account_that_libpurple_would_collapse() -> None:
    first = account("Zoe@univ.example/A", setting("port", "int", "1"))
    second = account("zoe@univ.example/B", setting("port", "int", "2"))
    merged = merge(file(first, second), file(account(inner=setting("port", "int", "5222"))))
    assert merged == file(first.replace(">1<", ">5222<"), second.replace(">2<", ">5222<"))


def test_a_setting_that_stands_twice_is_set_twice() -> None:
    inner = setting("port", "int", "1") + setting("port", "int", "5222") + setting("port", "int", "1", " ui='x'")
    merged = merge(file(account(inner=inner)), file(account(inner=setting("port", "int", "5222"))))
    assert merged == file(account(inner=inner.replace(">1<", ">5222<", 1)))


def test_the_name_of_an_old_account_may_be_called_username() -> None:
    old = file("<account><protocol>prpl-jabber</protocol><username>zoe@univ.example</username></account>")
    merged = merge(old, file(account(inner="<alias>Zoe</alias>")))
    assert merged == old.replace("</username>", "</username><alias>Zoe</alias>")


def test_initial_values_never_touch_an_account_that_exists() -> None:
    current = file(account(inner="<alias/>")).encode()
    initial = file(account(inner="<alias>Zoe</alias><password>pw</password>" + setting("port", "int", "1")))
    assert FORMAT.merge(current, "", initial) is current
    assert FORMAT.merge(current, file(account()), initial) is current


@pytest.mark.parametrize(
    ("kind", "current", "wanted"),
    [
        ("bool", "1", "1"),
        ("bool", "true", "1"),
        ("bool", "yes", "1"),
        ("bool", "00", "0"),
        ("int", "05222", "5222"),
        ("int", " 5222 ", "5222"),
        ("int", "5222abc", "5222"),
        ("int", "none", "0"),
        ("string", "", ""),
        ("string", " x", " x"),
    ],
)
def test_values_that_libpurple_reads_alike_are_left_as_they_are(kind: str, current: str, wanted: str) -> None:
    document = file(account(inner=setting("s", kind, current))).encode()
    assert FORMAT.merge(document, file(account(inner=setting("s", kind, wanted))), "") is document


@pytest.mark.parametrize(
    ("kind", "current", "wanted"),
    [
        ("bool", "0", "1"),
        ("bool", "1", "0"),
        ("bool", "", "0"),
        ("bool", "", "1"),
        ("int", "5223", "5222"),
        ("int", "", "0"),
        ("int", "9" * 5000, "5222"),
        ("string", "x", ""),
        ("string", "X", "x"),
        ("string", "x ", "x"),
    ],
)
def test_values_that_libpurple_reads_differently_are_set(kind: str, current: str, wanted: str) -> None:
    merged = merge(file(account(inner=setting("s", kind, current))), file(account(inner=setting("s", kind, wanted))))
    assert merged == file(account(inner=setting("s", kind, wanted)))


def test_a_wrong_or_missing_type_is_corrected() -> None:
    for current in ("<setting name='port' type='string'>5222</setting>", "<setting name='port'>5222</setting>"):
        merged = merge(
            file(account(inner=f"<settings>{current}</settings>")), file(account(inner=setting("port", "int", "5222")))
        )
        assert merged == file(account(inner=setting("port", "int", "5222")))


def test_an_empty_setting_equals_an_absent_one() -> None:
    current = file(account()).encode()
    assert FORMAT.merge(current, file(account(inner=setting("connect_server", "string", ""))), "") is current
    current = file(account(inner="<settings><setting name='connect_server' type='string'/></settings>")).encode()
    assert FORMAT.merge(current, file(account(inner=setting("connect_server", "string", ""))), "") is current


def test_settings_of_another_user_interface_are_others() -> None:
    current = file(account(inner=setting("auto-login", "bool", "0", " ui='gnt-purple'") + "<settings/>"))
    wanted = setting("auto-login", "bool", "1", " ui='gtk-gaim'")
    merged = merge(current, file(account(inner=wanted)))
    assert merged == current.replace("<settings/>", "<settings/>" + wanted)


def test_what_is_added_to_an_account_stands_where_pidgin_writes_it() -> None:
    current = file(account(inner="<statuses/><userinfo/><current_error/>"))
    inner = "<alias>Zoe</alias>" + setting("port", "int", "1") + "<proxy><type>none</type></proxy>"
    root = ET.fromstring(merge(current, file(account(inner=inner + "<password>pw</password>"))))
    assert [child.tag for child in root[0]] == [
        "protocol", "name", "password", "alias", "statuses", "userinfo", "settings", "proxy", "current_error",
    ]  # fmt: skip


def test_a_self_closing_block_receives_its_settings() -> None:
    merged = merge(file(account(inner="<settings />")), file(account(inner=setting("port", "int", "5222"))))
    assert merged == file(account(inner="<settings ><setting name='port' type='int'>5222</setting></settings>"))


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        ("", "<type>global</type>"),
        ("", "<port>0</port>"),
        ("", "<host></host>"),
        ("<proxy/>", "<type>global</type><username/>"),
        ("<proxy><type>http</type><port>08080</port></proxy>", "<type>http</type><port>8080</port>"),
    ],
)
def test_a_proxy_that_libpurple_reads_alike_is_left_as_it_is(current: str, wanted: str) -> None:
    document = file(account(inner=current)).encode()
    assert FORMAT.merge(document, file(account(inner=f"<proxy>{wanted}</proxy>")), "") is document


def test_a_proxy_is_changed_child_by_child() -> None:
    current = file(account(inner="<proxy><host>old</host><username>zoe</username></proxy>"))
    wanted = "<proxy><type>socks5</type><host>new</host><port>1080</port></proxy>"
    merged = merge(current, file(account(inner=wanted)))
    assert merged == file(
        account(inner="<proxy><type>socks5</type><host>new</host><port>1080</port><username>zoe</username></proxy>")
    )


def test_an_enforced_password_replaces_another_and_nothing_else() -> None:
    current = (GOLDEN / "05-wrong-password-after" / "accounts.xml").read_text(encoding="utf-8")
    merged = merge(current, file(account("user03@univ-lille.example", "<password>a&amp;b</password>")))
    assert merged == current.replace("mauvais", "a&amp;b")


@pytest.mark.parametrize(
    ("fragment", "reason"),
    [
        ("<account>", "line 1, column 10: not well-formed"),
        ("<accounts/>", "the root element is not <account>"),
        ("<account version='2.0'/>", "unknown version="),
        (file("text"), "text directly inside <account>"),
        (file("<acount/>"), "<acount> is not managed inside <account>; known there: <account>"),
        (file(account(name="")), "needs <protocol> and <name>"),
        (file(account(name="/poste")), "needs <protocol> and <name>"),
        (file(account(protocol="")), "needs <protocol> and <name>"),
        (file(account(name=" zoe@univ.example")), "white space around"),
        (file(account(), account("ZOE@univ.example/x")), "the same account twice"),
        (file(account(inner="<name>x</name>")), "a second <name>"),
        (file(account(inner="<settings/><settings/>")), "a second <settings ui=None>"),
        (file(account(inner="<statuses/>")), "<statuses> is not managed inside <account>"),
        (file(account(inner="<userinfo/>")), "<userinfo> is not managed inside <account>"),
        (file(account(inner="<password></password>")), "an empty <password>"),
        (file(account(inner="<alias><b/></alias>")), "<alias> holds other elements"),
        (file(account(inner=setting("port", "int", ""))), "whole number"),
        (file(account(inner=setting("port", "int", "5222.0"))), "whole number"),
        (file(account(inner=setting("port", "int", "9999999999"))), "whole number"),
        (file(account(inner=setting("auto-login", "bool", "True"))), "a bool must be 0 or 1"),
        (file(account(inner=setting("s", "path", "x"))), "the type of a <setting>"),
        (file(account(inner="<settings><setting type='int'>1</setting></settings>")), "<setting> without name="),
        (file(account(inner="<settings><setting name='x'>1</setting></settings>")), "<setting> without type="),
        (file(account(inner="<settings id='gtk-gaim'/>")), "<settings> with unknown id="),
        (file(account(inner="<proxy><type>direct</type></proxy>")), "unknown proxy type"),
        (file(account(inner="<proxy><port>x</port></proxy>")), "whole number"),
        (file(account(inner="<proxy><host/><host/></proxy>")), "a second <host>"),
    ],
)
def test_a_mistake_in_a_template_is_told_with_its_place(fragment: str, reason: str) -> None:
    for enforced, initial, kind in ((fragment, "", "enforced"), ("", fragment, "initial")):
        with pytest.raises(ValueError, match=r"accounts\.xml") as caught:
            FORMAT.merge(None, enforced, initial)
        assert str(caught.value).startswith(f"{kind} fragment of accounts.xml")
        assert reason in str(caught.value)
        assert "line 1" in str(caught.value)


def test_a_mistake_does_not_tell_the_password() -> None:
    for inner in ("<password>pw-canary</password><x/>", "<password>pw-canary\udc80</password>"):
        with pytest.raises(ValueError, match=r"accounts\.xml") as caught:
            FORMAT.merge(None, file(account(inner=inner)), "")
        chain: BaseException | None = caught.value
        while chain is not None:
            assert "pw-canary" not in f"{chain!r}"
            chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


@pytest.mark.parametrize("current", ["<pref/>", "<account version='2.0'/>", "<account version=''/>", "<Account/>"])
def test_another_kind_of_file_is_refused(current: str) -> None:
    with pytest.raises(Refused):
        FORMAT.merge(current.encode(), file(account()), "")


def test_a_root_without_version_or_with_version_1_is_pidgins_too() -> None:
    for root in ("<account>", "<account version='1'>"):
        assert merge(f"{root}</account>", file(account())).startswith(root)


def test_a_value_that_holds_unknown_elements_is_refused_and_not_overwritten() -> None:
    with pytest.raises(Refused, match="<alias> holds other elements"):
        FORMAT.merge(
            file(account(inner="<alias><b>Zoe</b></alias>")).encode(), file(account(inner="<alias>Z</alias>")), ""
        )


def test_what_pidgin_wrote_after_merging_needs_no_change() -> None:
    after = (GOLDEN / "02-full-seed-after-run-fr" / "accounts.xml").read_bytes()
    fragment = (GOLDEN / "02-full-seed-before" / "accounts.xml").read_text(encoding="utf-8")
    assert FORMAT.merge(after, fragment, "") is after
    assert FORMAT.merge(after, fragment, fragment) is after


def test_the_accounts_of_a_person_survive_and_only_the_port_changes() -> None:
    user = (GOLDEN / "03-merge-0-user" / "accounts.xml").read_text(encoding="utf-8")
    merged = merge(user, file(account("prenom.nom@univ-lille.example", setting("port", "int", "5222"))))
    assert merged == user.replace(">5298<", ">5222<")
    expected = (GOLDEN / "03-merge-1-merged" / "accounts.xml").read_text(encoding="utf-8")
    assert ET.canonicalize(merged) == ET.canonicalize(expected)


# Items


JID = "zoe@univ.example"
OURS = file(account(inner=setting("port", "int", "5222") + "<proxy><type>none</type></proxy>"))


def created_by(before: str, after: str) -> dict[str, str]:
    there = FORMAT.items(before.encode())
    return {item: value for item, value in FORMAT.items(after.encode()).items() if item not in there}


def remove(current: str, items: dict[str, str]) -> str:
    text: str = FORMAT.remove(current.encode(), items).decode()
    return text


def test_items_tell_what_stands_in_the_file_as_libpurple_reads_it() -> None:
    inner = (
        "<password>pw-canary</password><alias>Zo&#xeb;</alias><statuses/>"
        + "<settings><setting name='port' type='int'>05222</setting><setting name='ssl' type='bool'>yes</setting>"
        + "<setting name='connect_server' type='string'/><setting name='api_token' type='string'>pw-canary</setting>"
        + "<setting type='int'>1</setting></settings>"
        + setting("auto-login", "bool", "0", " ui='gtk-gaim'")
        + "<proxy><host>h</host><port>08080</port><password>pw-canary</password></proxy>"
    )
    nameless = "<account><protocol>prpl-irc</protocol></account>"
    content = file(account("Zoe@Univ.example/Home", inner), account("Me@irc.example", protocol="prpl-irc"), nameless)
    assert FORMAT.items(content.encode()) == {
        f"account {JID}": "",
        f"account {JID} password": "********",
        f"account {JID} alias": "Zoë",
        f"account {JID} settings": "",
        f"account {JID} setting port": "5222",
        f"account {JID} setting ssl": "1",
        f"account {JID} setting connect_server": "",
        f"account {JID} setting api_token": "********",
        f"account {JID} settings gtk-gaim": "",
        f"account {JID} setting gtk-gaim auto-login": "0",
        f"account {JID} proxy": "",
        f"account {JID} proxy host": "h",
        f"account {JID} proxy port": "8080",
        f"account {JID} proxy password": "********",
        "account prpl-irc me@irc.example": "",
    }


def test_names_made_to_collide_have_items_of_their_own() -> None:
    names = [JID, f"{JID} alias", f"{JID}%20alias", "alias", "x"]
    accounts = [account(name, "<alias>x</alias>", protocol) for name in names for protocol in ("prpl-jabber", JID)]
    assert len(FORMAT.items(file(*accounts).encode())) == 2 * len(accounts)


def test_what_is_read_alike_when_absent_is_not_wanted() -> None:
    inner = setting("connect_server", "string", "") + "<alias/><proxy><type>global</type><port>0</port></proxy>"
    assert FORMAT.wanted(file(account(inner=inner))) == {f"account {JID}": ""}


@pytest.mark.parametrize("line", ["", "\n\t", "\r\n  "])
def test_an_account_goes_whole_with_its_line_and_what_stands_around_stays(line: str) -> None:
    before, after = account("leo@univ.example") + "<!-- of leo -->", account(JID, protocol="prpl-irc")
    ours = account("ZOE@univ.example/x", "<statuses/><!-- the person's -->" + setting("x", "int", "1"))
    head, tail = f"<account>{line}{before}", f"{line}{after}{line}</account>"
    items = {f"account {JID}": "", f"account {JID} setting x": "1", f"account {JID} alias": "another"}
    assert remove(f"{head}{line}{ours}{line}{ours}{tail}", items) == head + tail


def test_a_value_goes_only_while_it_is_the_given_one() -> None:
    inner = "<alias>Zoe</alias>" + setting("port", "int", "5222") + setting("x", "string", "1", " ui='gtk-gaim'")
    current = file(account(inner=inner))
    prefix = f"account {JID}"
    assert remove(current, {f"{prefix} alias": "Zoë", f"{prefix} setting port": "5223"}) == current
    assert remove(current, {f"{prefix} setting x": "1", f"{prefix} setting gtk-gaim port": "5222"}) == current
    assert remove(current, {f"{prefix} alias": "Zoe"}) == file(account(inner=inner.replace("<alias>Zoe</alias>", "")))
    assert remove(current, {f"{prefix} setting port": "5222"}) == current.replace(
        setting("port", "int", "5222"), "<settings/>"
    )


def test_what_the_user_changed_or_added_afterwards_is_kept() -> None:
    before = file(account("Zoe@univ.example", "<statuses/>"))
    merged = merge(before, OURS)
    created = created_by(before, merged)
    assert remove(merged, created) == before
    changed = merged.replace(">5222<", ">5299<")
    assert remove(changed, created) == before.replace("</account></", setting("port", "int", "5299") + "</account></")
    own = "<setting name='own' type='int'>7</setting>"
    added = merged.replace("<setting ", f"{own}<setting ", 1).replace("<type>none</type>", "<!-- mine -->")
    kept = f"<settings>{own}</settings><proxy><!-- mine --></proxy>"
    assert remove(added, created) == before.replace("</account></", kept + "</account></")


def test_a_file_that_pidgin_wrote_anew_gives_up_what_we_created() -> None:
    user = (GOLDEN / "03-merge-0-user" / "accounts.xml").read_text(encoding="utf-8")
    merged = merge(user, "", file(account(inner=setting("port", "int", "5222"))))
    rewritten = merged.replace("</settings>", "\t<setting name='use-global' type='bool'>1</setting>\n\t\t</settings>")
    kept = user.replace("</settings>", "\t<setting name='use-global' type='bool'>1</setting>\n\t\t</settings>")
    assert remove(rewritten, created_by(user, merged)) == kept


def test_an_account_that_was_taken_back_is_not_laid_again_unless_it_is_enforced() -> None:
    initial = file(account(inner="<alias>Zoe</alias>" + setting("auto-login", "bool", "1", " ui='gtk-gaim'")))
    current = file(account("leo@univ.example")).encode()
    gone = frozenset([f"account {JID}"])
    assert FORMAT.merge(current, "", initial, taken_back=gone) is current
    assert FORMAT.merge(current, OURS, initial, taken_back=gone) == FORMAT.merge(current, OURS, "")
    gone = frozenset([f"account {JID} setting gtk-gaim auto-login"])
    merged = FORMAT.merge(current, OURS, initial, taken_back=gone)
    assert b"auto-login" not in merged
    assert b"<alias>Zoe</alias>" in merged


def test_findings_tell_whose_passwords_stand_in_clear_and_never_the_passwords() -> None:
    password = "<password>pw-canary</password>"
    content = file(
        account("Zoe@univ.example/x", password + f"<proxy><type>http</type>{password}</proxy>"),
        account("me@irc.example", password, "prpl-irc"),
        account("leo@univ.example", "<password/><proxy><password></password></proxy>"),
        account("eve@univ.example", setting("ft_password", "string", "pw-canary")),
        f"<account>{password}</account>",
    )
    assert FORMAT.findings(content.encode()) == [
        "account zoe@univ.example",
        "proxy password of account zoe@univ.example",
        "account me@irc.example (prpl-irc)",
        "setting ft_password of account eve@univ.example",
        "account without a name (without a protocol)",
    ]
    assert "pw-canary" not in f"{FORMAT.items(content.encode())}{FORMAT.wanted(file(account(inner=password)))}"
