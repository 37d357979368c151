"""Mail to a real SMTP server and posts to a real https server, both on loopback with certificates that are checked."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from alert_peers import PASSWORD, SEAT, TOKEN, USER, mail_server, web_server
from ansible.module_utils.im_alert import (
    Message,
    NotDelivered,
    broken_message,
    post,
    send_mail,
    take_back,
    withhold,
    worse_message,
)
from compliance_reports import HOSTILE
from xmpp_certificates import Authority

ACCOUNT = {
    "kind": "account",
    "since": "2026-11-23T02:00:00Z",
    "jid": "zoe.obrien@univ.example",
    "person": "zoe.obrien",
    "verdict": "absent",
    "remedy": "Ask for it.",
    "hosts": ["pc-1"],
}
CERTIFICATE = {"kind": "certificate", "since": "2026-11-23T02:00:00Z", "items": ["certificate_expired"], "remedy": ""}
GAP = {"kind": "gap", "since": "2026-11-20T02:00:00Z", "until": "2026-11-23T02:00:00Z"}
AT = "2026-11-23T02:00:00Z"


def message(*items: dict[str, Any], language: str = "fr") -> Message:
    return worse_message(items or [SEAT], "univ.example", AT, "/srv/im/reports/r.json", language)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


def mail_settings(authority: Authority, port: int, **more: Any) -> dict[str, Any]:
    settings = {
        "host": "localhost",
        "port": port,
        "username": USER,
        "password": PASSWORD,
        "ca_file": str(authority.file),
    }
    return {**settings, "sender": "im@univ.example", "to": ["a@univ.example", "b@univ.example"], **more}


def hook(authority: Authority, port: int, **more: Any) -> dict[str, Any]:
    url = f"https://localhost:{port}/hooks/CANARY-path"
    return {"url": url, "token": TOKEN, "ca_file": str(authority.file), **more}


# ---------------------------------------------------------------------------------------------------------------------
# The text
# ---------------------------------------------------------------------------------------------------------------------


def test_the_text_says_what_got_worse_since_when_what_mends_it_and_where_the_report_is() -> None:
    told = message(SEAT, ACCOUNT, CERTIFICATE, GAP)
    assert told.subject == (
        "Messagerie instantanée de univ.example : cela s'est aggravé"
        " (passages manqués, certificat du service, comptes : 1, installations : 1)"
    )
    lines = told.text.splitlines()
    assert (
        "pc-1, session zobrien, pidgin (zoe.obrien) : écart, depuis le 23/11/2026 02:00 UTC (avant : conforme)."
        in lines
    )
    assert lines[-4:-2] == ["  La personne l'a changé. (accounts.xml)", "  -> Lancez site.yml."]
    assert any("zoe.obrien@univ.example" in line and "absent" in line for line in lines)
    assert lines.index(next(one for one in lines if "Certificat du service" in one)) < lines.index("  -> Ask for it.")
    assert lines[-1] == "Rapport : /srv/im/reports/r.json"
    assert "It got worse".lower() in message(language="en").subject.lower()


def test_a_name_with_line_feeds_adds_no_line_and_no_header() -> None:
    told = message({**SEAT, "login": f"{HOSTILE}\r\nBcc: x", "host": "pc\x1b[31m-1"})
    assert not any(line.startswith("Bcc") for line in told.text.splitlines())
    assert "\x1b" not in told.text and HOSTILE in told.text
    assert "\n" not in broken_message("univ.example\nBcc: x", AT, "code 1\nBcc: x", "journal", "fr").subject


def test_a_fleet_that_broke_is_told_by_its_first_seats_and_their_number() -> None:
    told = message(*({**SEAT, "host": f"pc-{number}"} for number in range(500)))
    assert "installations : 500" in told.subject
    assert told.text.count("session zobrien") == 20 and "et 480 autre(s)" in told.text
    posted = told.as_json()
    assert (len(posted["items"]), posted["more"], posted["schema"], posted["event"]) == (20, 480, 1, "worse")


# ---------------------------------------------------------------------------------------------------------------------
# Mail
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", ["starttls", "direct"])
def test_a_mail_arrives_encrypted_with_the_page_beside_it(authority: Authority, tmp_path: Path, tls: str) -> None:
    page = tmp_path / "latest.html"
    page.write_text("<p>Zoë</p>", encoding="utf-8")
    with mail_server(authority.context(["localhost"]), tls) as peer:
        send_mail(message(), mail_settings(authority, peer.port, tls=tls), str(page))
        page.write_text("x" * 6_000_000, encoding="utf-8")
        send_mail(message(), mail_settings(authority, peer.port, tls=tls), str(page))
    letter, without_page = peer.letters
    assert list(without_page.iter_attachments()) == []
    assert letter["Subject"] == message().subject
    assert (letter["To"], letter["Auto-Submitted"]) == ("a@univ.example, b@univ.example", "auto-generated")
    body = letter.get_body(("plain",))
    assert body is not None and body.get_content().splitlines() == message().text.splitlines()
    (attached,) = letter.iter_attachments()
    assert attached.get_filename() == "latest.html" and attached.get_content() == "<p>Zoë</p>"


@pytest.mark.parametrize("names", [["elsewhere.example"], None])
def test_a_mail_server_with_another_name_gets_neither_password_nor_mail(
    authority: Authority, names: list[str] | None
) -> None:
    with mail_server(authority.context(names)) as peer, pytest.raises(NotDelivered, match="certificate"):
        send_mail(message(), mail_settings(authority, peer.port), pause=0)
    assert peer.letters == []


def test_a_mail_server_of_an_unknown_authority_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    with mail_server(stranger.context(["localhost"])) as peer, pytest.raises(NotDelivered, match="certificate"):
        send_mail(message(), mail_settings(authority, peer.port), pause=0)
    assert peer.letters == []


def test_a_server_without_starttls_is_refused_and_one_on_this_machine_may_be_plain(authority: Authority) -> None:
    with mail_server(None) as peer:
        with pytest.raises(NotDelivered, match="STARTTLS"):
            send_mail(message(), mail_settings(authority, peer.port), pause=0)
        assert peer.letters == []
        send_mail(message(), mail_settings(authority, peer.port, tls="none", username="", password=""))
        assert len(peer.letters) == 1
    for more in ({}, {"host": "smtp.univ.example", "username": ""}):
        with pytest.raises(NotDelivered, match="tls: none"):
            send_mail(message(), mail_settings(authority, 25, tls="none", **more))


def test_a_mail_is_tried_again_when_the_server_is_busy_and_not_when_it_refuses(authority: Authority) -> None:
    with mail_server(authority.context(["localhost"])) as peer:
        peer.answers = ["451 4.3.0 busy"]
        send_mail(message(), mail_settings(authority, peer.port), pause=0)
        assert len(peer.letters) == 1
        peer.answers = ["554 5.7.1 no", "250 OK"]
        with pytest.raises(NotDelivered, match=r"5\.7\.1"):
            send_mail(message(), mail_settings(authority, peer.port), pause=0)
        peer.answers = ["451 busy"] * 9
        with pytest.raises(NotDelivered, match="busy"):
            send_mail(message(), mail_settings(authority, peer.port), pause=0)
        assert len(peer.answers) == 6
    with pytest.raises(NotDelivered, match="mail localhost"):
        send_mail(message(), mail_settings(authority, peer.port), pause=0)


@pytest.mark.parametrize("password", [f"{PASSWORD}-wrong", "CANARY-é"])
def test_a_wrong_mail_password_is_told_without_showing_it(authority: Authority, password: str) -> None:
    with mail_server(authority.context(["localhost"])) as peer, pytest.raises(NotDelivered) as caught:
        send_mail(message(), mail_settings(authority, peer.port, password=password), pause=0)
    assert "CANARY" not in f"{caught.value!r} {caught.value.__cause__!r}" and peer.letters == []


def test_an_address_with_a_line_feed_is_refused(authority: Authority) -> None:
    with pytest.raises(NotDelivered, match="sender or to"):
        send_mail(message(), mail_settings(authority, 1, to=["a@univ.example\nBcc: b@univ.example"]))


# ---------------------------------------------------------------------------------------------------------------------
# Webhook
# ---------------------------------------------------------------------------------------------------------------------


def test_a_post_carries_the_token_and_the_message(authority: Authority) -> None:
    with web_server(authority.context(["localhost"])) as peer:
        post(message(), hook(authority, peer.port))
        post(broken_message("univ.example", AT, "code 1", "journalctl", "fr"), hook(authority, peer.port, token=""))
    (headers, body), (plain, broken) = peer.posts
    assert headers["Authorization"] == f"Bearer {TOKEN}" and "Authorization" not in plain
    assert body["text"] == message().text and body["items"] == [SEAT]
    assert (broken["event"], broken["items"]) == ("broken", [])
    assert TOKEN not in json.dumps(body)


def test_a_post_is_tried_again_a_few_times_and_not_when_it_is_refused(authority: Authority) -> None:
    with web_server(authority.context(["localhost"])) as peer:
        peer.codes = [503, 429]
        post(message(), hook(authority, peer.port), pause=0)
        assert len(peer.posts) == 1
        peer.codes = [500] * 9
        with pytest.raises(NotDelivered, match="HTTP 500"):
            post(message(), hook(authority, peer.port), pause=0)
        assert len(peer.codes) == 6
        for code in (404, 302):
            peer.codes = [code]
            with pytest.raises(NotDelivered, match=f"HTTP {code}"):
                post(message(), hook(authority, peer.port), pause=0)
        assert len(peer.posts) == 1


def test_a_webhook_without_a_verified_certificate_gets_no_token(authority: Authority) -> None:
    with web_server(authority.context(["elsewhere.example"])) as peer, pytest.raises(NotDelivered) as caught:
        post(message(), hook(authority, peer.port), pause=0)
    assert peer.posts == [] and "CANARY" not in str(caught.value)
    for url in ("http://localhost/x", "https://", "file:///etc/passwd"):
        with pytest.raises(NotDelivered, match="https://"):
            post(message(), hook(authority, 1, url=url))
    with pytest.raises(NotDelivered) as caught:
        post(message(), hook(authority, peer.port, token="CANARY\nX: y"), pause=0)
    assert "CANARY" not in str(caught.value)
    with pytest.raises(NotDelivered, match="ca_file"):
        post(message(), hook(authority, 1, ca_file="/nowhere/ca.pem"))


# ---------------------------------------------------------------------------------------------------------------------
# What could not be told
# ---------------------------------------------------------------------------------------------------------------------


def test_what_could_not_be_told_waits_for_the_next_run_readable_by_its_owner_only(tmp_path: Path) -> None:
    place = tmp_path / "reports"
    assert take_back(place) == []
    withhold(place, [SEAT, GAP])
    (path,) = place.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert take_back(place) == [SEAT, GAP]
    withhold(place, [])
    assert list(place.iterdir()) == []
    for broken in ("{", "{}", "[1]", "\x00"):
        path.write_text(broken, encoding="utf-8")
        assert take_back(place) == []
