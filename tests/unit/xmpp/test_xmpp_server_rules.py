"""Each rule finds what it is for, keeps quiet when all is well, and says "not checked" when nobody could look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible.module_utils.im_catalogue import LANGUAGES
from ansible.module_utils.im_clients import load_connections
from ansible.module_utils.xmpp.certificate import Certificate
from ansible.module_utils.xmpp.problems import SERVICE, VERDICTS
from ansible.module_utils.xmpp.resolve import Endpoint, SrvAnswer, SrvRecord
from ansible.module_utils.xmpp.server_rules import RULES, ClientAbility, Judgement, judge, worst
from ansible.module_utils.xmpp.server_survey import CERTIFICATE_PROBLEMS, Conference, Place, Survey
from hypothesis import given
from hypothesis import strategies as st
from rendering import PROJECT

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
SOON = timedelta(days=30)
DAY = timedelta(days=1)
CLIENTS = {
    name: ClientAbility(*(tuple(able[key]) for key in ("mechanisms", "tls", "srv")))
    for name, able in load_connections([str(PROJECT / "roles")]).items()
}

GOOD_CERTIFICATE = Certificate(
    ("univ.example",), "univ.example", "Authority", NOW - 10 * DAY, NOW + 80 * DAY, "RSA", 2048, "sha256"
)
STARTTLS = Place(
    Endpoint("im.univ.example", 5222, False),
    "ok",
    address="192.0.2.1",
    tls="TLSv1.3",
    starttls_required=True,
    mechanisms_in_clear=(),
    mechanisms=("SCRAM-SHA-1", "PLAIN"),
    certificate=GOOD_CERTIFICATE,
    chain="",
    registration_offered=False,
    registration="refused",
    old_tls={"TLSv1": False, "TLSv1.1": False},
)
DIRECT = replace(
    STARTTLS, endpoint=Endpoint("im.univ.example", 5223, True), starttls_required=None, mechanisms_in_clear=None
)
ROOMS = Conference("ok", "", ("conference.univ.example",), "conference.univ.example", True)
SRV = SrvAnswer("records", (SrvRecord(1, 0, 5222, "im.univ.example"),))
NONE, ABSENT, FAILED = SrvAnswer("none"), SrvAnswer("absent"), SrvAnswer("failed", reason="SERVFAIL")
WELL = Survey("univ.example", {"starttls": SRV, "direct": SRV}, (STARTTLS, DIRECT), None, ROOMS)


def found(seen: Survey, clients: dict[str, ClientAbility] | None = None) -> set[str]:
    judgements = judge(seen, CLIENTS if clients is None else clients, NOW, SOON)
    return {judgement.rule for judgement in judgements if judgement.status == "finding"}


def statuses(seen: Survey, rule: str) -> list[str]:
    return [judgement.status for judgement in judge(seen, CLIENTS, NOW, SOON) if judgement.rule == rule]


def with_place(**changes: Any) -> Survey:
    return replace(WELL, places=(replace(STARTTLS, **changes),))


def with_certificate(**changes: Any) -> Survey:
    return with_place(certificate=replace(GOOD_CERTIFICATE, **changes))


def test_nothing_is_found_where_nothing_is_wrong_and_every_rule_was_asked() -> None:
    judgements = judge(WELL, CLIENTS, NOW, SOON)
    assert {judgement.status for judgement in judgements} == {"ok"}
    assert {judgement.rule for judgement in judgements} == set(RULES)
    assert worst(judgements) == "ok"


CASES: dict[str, tuple[Survey, set[str]]] = {
    "SRV cannot be asked": (replace(WELL, srv={"starttls": SRV, "direct": FAILED}), {"srv_failed"}),
    "SRV declares nothing": (
        replace(WELL, srv={"starttls": ABSENT, "direct": ABSENT}, places=()),
        {"srv_absent"},
    ),
    "no direct TLS is declared": (replace(WELL, srv={"starttls": SRV, "direct": ABSENT}), set()),
    "no SRV at all": (replace(WELL, srv={"starttls": NONE, "direct": NONE}), {"srv_missing"}),
    "only direct TLS is published": (
        replace(WELL, srv={"starttls": NONE, "direct": SRV}),
        {"client_finds_no_place"},
    ),
    "only a direct place, named": (replace(WELL, srv={}, places=(DIRECT,)), set()),
    "no STARTTLS": (
        with_place(verdict="no_starttls", **dict.fromkeys(("starttls_required", "mechanisms", "tls", "chain"), None)),
        {"starttls_missing"},
    ),
    "STARTTLS is optional": (
        with_place(starttls_required=False, mechanisms_in_clear=("PLAIN",)),
        {"starttls_optional", "login_in_clear"},
    ),
    "no TLS in common": (
        with_place(verdict="tls_error", tls="", chain=None, certificate=None),
        {"tls_failed"},
    ),
    "another name": (with_certificate(names=("other.example",)), {"certificate_name"}),
    "no name": (with_certificate(names=()), {"certificate_name"}),
    "a wildcard": (with_certificate(names=("*.example",)), set()),
    "a wildcard too high": (with_certificate(names=("*.univ.example",)), {"certificate_name"}),
    "expired": (with_certificate(not_after=NOW - DAY), {"certificate_expired"}),
    "not yet valid": (with_certificate(not_before=NOW + DAY), {"certificate_not_yet_valid"}),
    "29 days left": (with_certificate(not_after=NOW + 29 * DAY), {"certificate_expires_soon"}),
    "31 days left": (with_certificate(not_after=NOW + 31 * DAY), set()),
    "RSA 1024": (with_certificate(bits=1024), {"certificate_weak"}),
    "EC 256": (with_certificate(key="EC", bits=256), set()),
    "Ed25519 has no sizes": (with_certificate(key="Ed25519", bits=0, signature=""), set()),
    "SHA-1": (with_certificate(signature="sha1"), {"certificate_weak"}),
    "an unknown authority": (with_place(chain="tls_untrusted self-signed certificate"), {"certificate_chain"}),
    "an authority that expired": (with_place(chain="tls_expired certificate has expired"), {"certificate_chain"}),
    "TLS 1.1": (with_place(old_tls={"TLSv1": False, "TLSv1.1": True}), {"tls_old"}),
    "no TLS 1.3": (with_place(tls="TLSv1.2"), {"tls_1_3_missing"}),
    "PLAIN only": (with_place(mechanisms=("PLAIN",)), {"scram_missing"}),
    "anonymous": (with_place(mechanisms=("SCRAM-SHA-1", "ANONYMOUS")), {"login_anonymous"}),
    "DIGEST-MD5": (with_place(mechanisms=("SCRAM-SHA-1", "DIGEST-MD5")), {"mechanism_obsolete"}),
    "Kerberos only": (with_place(mechanisms=("GSSAPI",)), {"scram_missing", "client_cannot_log_in"}),
    "SCRAM-SHA-512 only, and PLAIN": (with_place(mechanisms=("SCRAM-SHA-512", "PLAIN")), {"client_sends_password"}),
    "no mechanism": (with_place(mechanisms=()), {"scram_missing", "client_cannot_log_in"}),
    "open registration": (with_place(registration="open", registration_offered=True), {"registration_open"}),
    "registration on a web page": (
        with_place(registration="elsewhere", registration_offered=True),
        {"registration_advertised"},
    ),
    "registration is advertised only": (with_place(registration_offered=True), {"registration_advertised"}),
    "no rooms": (replace(WELL, conference=Conference("ok", "", ())), {"conference_missing"}),
    "another service of rooms": (
        replace(WELL, conference=Conference("ok", "", ("rooms.univ.example",), "conference.univ.example", False)),
        {"conference_wrong"},
    ),
    "rooms that are not listed": (
        replace(WELL, conference=Conference("ok", "", (), "conference.univ.example", True)),
        {"conference_unlisted"},
    ),
    "rooms that nobody named": (replace(WELL, conference=Conference("ok", "", ("rooms.univ.example",))), set()),
    **{f"place: {word}": (with_place(verdict=word), {"place_unreachable"}) for word in ("refused", "timeout")},
    **{
        f"place: {word}": (with_place(verdict=word), {"place_not_xmpp"}) for word in ("not_xmpp", "stream_host_unknown")
    },
}


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_found_by_its_rule_and_by_no_other(name: str) -> None:
    seen, expected = CASES[name]
    assert found(seen) == expected


def test_every_rule_is_proven_by_a_case() -> None:
    assert set().union(*(expected for _, expected in CASES.values())) == set(RULES)


def test_every_rule_has_its_texts_and_no_text_is_without_its_rule() -> None:
    for texts in LANGUAGES.values():
        rules = {key for key in texts if key.startswith("rule.")}
        assert rules == {f"rule.{rule}" for rule in RULES} | {f"rule.{rule}.remedy" for rule in RULES}
        assert all(texts[key].endswith(".") for key in rules)


def test_a_client_is_named_with_what_it_lacks() -> None:
    judgements = judge(with_place(mechanisms=("SCRAM-SHA-512", "PLAIN")), CLIENTS, NOW, SOON)
    (finding,) = [judgement for judgement in judgements if judgement.status == "finding"]
    assert (finding.client, finding.target) == ("thunderbird", "im.univ.example:5222")
    assert "SCRAM-SHA-512 PLAIN" in finding.detail


def test_foreign_words_in_a_detail_are_one_short_printable_line() -> None:
    names = tuple(f"\x1b[31m{number}.example" for number in range(900))
    for judgement in judge(with_certificate(names=names), CLIENTS, NOW, SOON):
        assert judgement.detail.isprintable()
        assert len(judgement.detail) <= 300


def test_each_client_that_looks_for_starttls_only_is_lost_with_direct_tls_only() -> None:
    judgements = judge(CASES["only direct TLS is published"][0], CLIENTS, NOW, SOON)
    assert {judgement.client for judgement in judgements if judgement.status == "finding"} == {"pidgin", "thunderbird"}


def test_what_was_not_seen_is_not_checked() -> None:
    nobody = Survey("univ.example", {}, (), ("dns", "no such name"), Conference())
    judgements = judge(nobody, CLIENTS, NOW, SOON)
    assert {judgement.status for judgement in judgements} == {"not_checked"}
    assert {judgement.rule for judgement in judgements} == set(RULES)
    assert all(judgement.detail for judgement in judgements)


def test_an_old_version_of_tls_that_nobody_could_try_is_not_called_refused() -> None:
    assert statuses(with_place(old_tls={"TLSv1": None, "TLSv1.1": False}), "tls_old") == ["not_checked"]
    assert statuses(with_place(old_tls={}), "tls_old") == ["not_checked"]
    assert statuses(with_place(old_tls={"TLSv1": None, "TLSv1.1": True}), "tls_old") == ["finding"]


def test_a_library_that_is_missing_here_is_no_news_about_the_zone() -> None:
    unasked = SrvAnswer("none", reason="SRV records not looked up: dnspython is not installed")
    seen = replace(WELL, srv={"starttls": unasked, "direct": unasked})
    assert statuses(seen, "srv_missing") == ["not_checked"]


def test_the_age_of_a_certificate_is_not_blamed_on_its_chain() -> None:
    seen = with_place(
        verdict="tls_expired", chain="tls_expired x", certificate=replace(GOOD_CERTIFICATE, not_after=NOW - DAY)
    )
    assert statuses(seen, "certificate_chain") == ["not_checked"]
    assert "certificate_expired" in found(seen)


@pytest.mark.parametrize(
    ("verdict", "rule"),
    [
        ("tls_expired", "certificate_expired"),
        ("tls_not_yet_valid", "certificate_not_yet_valid"),
        ("tls_name_mismatch", "certificate_name"),
    ],
)
def test_a_certificate_that_could_not_be_read_is_still_what_the_handshake_said(verdict: str, rule: str) -> None:
    seen = with_place(verdict=verdict, tls="", certificate=None, certificate_error="gone", chain=None, mechanisms=None)
    assert found(seen) == {rule}


@pytest.mark.parametrize("verdict", sorted(SERVICE))
def test_a_place_that_does_not_work_is_never_without_a_grave_finding(verdict: str) -> None:
    judgements = judge(with_place(verdict=verdict), CLIENTS, NOW, SOON)
    assert worst(judgements) == "error"


def test_the_worst_finding_counts() -> None:
    assert worst([]) == "ok"
    assert worst([Judgement("srv_missing", "finding"), Judgement("tls_old", "ok")]) == "info"
    assert worst([Judgement("srv_missing", "finding"), Judgement("tls_old", "finding")]) == "warning"
    assert worst([Judgement("tls_old", "finding"), Judgement("starttls_missing", "finding")]) == "error"
    with pytest.raises(ValueError, match="no rule is named"):
        Judgement("tls_odd", "ok")


def test_every_word_for_a_bad_certificate_is_a_verdict() -> None:
    assert CERTIFICATE_PROBLEMS < VERDICTS


PLACES = st.builds(
    Place,
    endpoint=st.builds(Endpoint, st.just("im"), st.integers(1, 65535), st.booleans()),
    verdict=st.sampled_from(sorted({"ok", *SERVICE})),
    detail=st.text(max_size=5),
    tls=st.sampled_from(["", "TLSv1.2", "TLSv1.3"]),
    starttls_required=st.none() | st.booleans(),
    mechanisms_in_clear=st.none() | st.tuples(st.text(max_size=3)),
    mechanisms=st.none() | st.lists(st.sampled_from(["PLAIN", "SCRAM-SHA-1", "LOGIN", "ANONYMOUS"])).map(tuple),
    certificate=st.none() | st.just(GOOD_CERTIFICATE),
    chain=st.none() | st.sampled_from(["", "tls_expired x", "tls_untrusted x"]),
    registration_offered=st.none() | st.booleans(),
    registration=st.none() | st.sampled_from(["open", "elsewhere", "refused"]),
    old_tls=st.dictionaries(st.sampled_from(["TLSv1", "TLSv1.1"]), st.none() | st.booleans()),
)


@given(places=st.lists(PLACES, max_size=3), answers=st.tuples(*[st.sampled_from([SRV, NONE, ABSENT, FAILED])] * 2))
def test_whatever_was_seen_every_rule_has_an_answer_and_a_bad_verdict_is_never_all_well(
    places: list[Place], answers: tuple[SrvAnswer, SrvAnswer]
) -> None:
    seen = Survey("univ.example", {"starttls": answers[0], "direct": answers[1]}, tuple(places), None, ROOMS)
    judgements = judge(seen, CLIENTS, NOW, SOON)
    assert {judgement.rule for judgement in judgements} == set(RULES)
    for place in places:
        if place.verdict != "ok":
            target = f"im:{place.endpoint.port}"
            told = {judgement.status for judgement in judgements if judgement.target == target}
            assert told & {"finding", "not_checked"}
