"""The cases that every verdict is produced by: one row each, played over a real socket.

A new verdict of ``problems.VERDICTS`` needs a row here: in ``LOGINS`` when a login comes to it, else in ``PLAYED``.
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.existence import check_existence
from ansible.module_utils.xmpp.jid import Jid, bare_jid
from ansible.module_utils.xmpp.logins import check_logins, try_login
from ansible.module_utils.xmpp.resolve import Resolver, TlsMode
from ansible.module_utils.xmpp.session import Campaign
from ansible.module_utils.xmpp.tls import Trust
from xmpp_admin_peer import STATS, AdminServer, as_prosody
from xmpp_certificates import DOMAIN, Authority
from xmpp_peer import (
    BIND,
    BOUND,
    PROCEED,
    SASL,
    STARTTLS,
    STREAM,
    Link,
    Peer,
    ScramServer,
    Script,
    failure,
    features,
    honest,
    mechanisms,
    stream_error,
)

SCRAM = mechanisms("SCRAM-SHA-1")


@dataclass(frozen=True)
class World:
    """Whom one may trust and who only claims so.

    Attributes:
        directory: for files.
        authority: vouches for the good servers; its file is ``trust``.
        stranger: an authority that is not trusted.
        good: a server's context with nothing wrong.
    """

    directory: Path
    authority: Authority
    stranger: Authority
    good: ssl.SSLContext
    trust: Trust


@dataclass(frozen=True)
class Login:
    """One login and the verdict it must come to.

    Attributes:
        verdict: one of ``problems.VERDICTS``.
        script: makes the server's script; None: no server of ours answers at ``host`` and ``port``.
        told: what the detail of the result must hold.
        silent: nothing of SASL may be sent.
        trust: other authorities than the usual.
    """

    verdict: str
    script: Callable[[World], Script] | None
    told: str = ""
    silent: bool = False
    password: str = "right"
    tls: TlsMode = "starttls"
    timeout: float = 10
    allow_plain: bool = False
    trust: Callable[[World], Trust] | None = None
    domain: str = DOMAIN
    host: str | None = "127.0.0.1"
    port: Callable[[], int] | None = None

    @contextmanager
    def arranged(self, world: World) -> Iterator[tuple[Account, Campaign, Peer]]:
        """Start the server, if there is one; gives the login that is to be tried."""
        with Peer(self.script(world) if self.script else closes) as peer:
            port = peer.port if self.script else self.port and self.port()
            tls = self.tls if self.host else None
            account = Account(bare_jid(f"alice@{self.domain}"), self.password, self.host, port, tls)
            trust = self.trust(world) if self.trust else world.trust
            yield account, Campaign(trust, Resolver(timeout=10), self.timeout, self.allow_plain), peer


def says(*texts: str | bytes) -> Script:
    """Answer the client's first words with these, then let it leave."""

    def script(link: Link) -> None:
        link.expect("<stream:stream [^>]*>")
        link.send(*texts)
        link.wait_for_the_end()

    return script


def greets(text: bytes) -> Script:
    """Speak first, as servers of other protocols do."""

    def script(link: Link) -> None:
        link.send(text)
        link.wait_for_the_end()

    return script


def closes(link: Link) -> None:
    link.expect("<stream:stream [^>]*>")


def reset(link: Link) -> None:
    link.expect("<stream:stream [^>]*>")
    link.reset()


def silence(link: Link) -> None:
    link.wait_for_the_end()


def trickle(link: Link) -> None:
    """Never quite silent: white space for ever is legal, and must not keep the client here for ever."""
    link.expect("<stream:stream [^>]*>")
    link.send(STREAM)
    pause = threading.Event()
    while not pause.wait(0.02):
        link.send(" ")


BOMB = (
    "<?xml version='1.0'?><!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY c '&a;&a;&a;&a;&a;&a;&a;&a;'>"
    "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>"
)


def plainly(script: Script) -> Callable[[World], Script]:
    """A script that needs no certificate."""
    return lambda world: script


def inside_tls(rest: Callable[[Link], None], *offered: str) -> Callable[[World], Script]:
    """A normal server up to SASL; the rest is the script's."""

    def make(world: World) -> Script:
        def script(link: Link) -> None:
            link.secure(world.good, mechanisms(*(offered or ("SCRAM-SHA-1",))))
            rest(link)

        return script

    return make


def knowing_alice(mechanism: str) -> Callable[[World], Script]:
    """A server that does everything right."""
    return lambda world: honest(world.good, {"alice": "right"}, mechanism)


def showing(certificate: Callable[[World], ssl.SSLContext]) -> Callable[[World], Script]:
    """A normal server with another certificate."""

    def make(world: World) -> Script:
        context = certificate(world)
        return lambda link: link.secure(context, SCRAM)

    return make


def answering_auth(text: str) -> Callable[[Link], None]:
    """Answer the client's <auth/> with this."""

    def rest(link: Link) -> None:
        link.expect("<auth [^>]*>[^<]*</auth>")
        link.send(text)
        link.wait_for_the_end()

    return rest


def scram(**changes: Any) -> Callable[[Link], None]:
    """SCRAM, tampered with as ``ScramServer`` can; a password that is wrong is called right."""

    def rest(link: Link) -> None:
        server = ScramServer("right", **changes)
        server.run(link)
        server.success(link)
        link.wait_for_the_end()

    return rest


def binding(answer: str) -> Callable[[Link], None]:
    """Accept the password, and answer the request of a resource with this."""

    def rest(link: Link) -> None:
        server = ScramServer("right")
        assert server.run(link)
        server.success(link)
        link.open(BIND)
        link.answer_iq(answer)
        link.wait_for_the_end()

    return rest


def bind_error(condition: str) -> str:
    inside = f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
    return f"<iq type='error' id='bind'><error type='cancel'>{inside}</error></iq>"


def refuses_starttls(link: Link) -> None:
    link.open(STARTTLS)
    link.expect("<starttls [^>]*>")
    link.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>")


def injects_in_clear(world: World) -> Script:
    """Say more in clear behind <proceed/>, as somebody in the middle could."""

    def script(link: Link) -> None:
        link.open(STARTTLS)
        link.expect("<starttls [^>]*>")
        link.send(PROCEED + features(mechanisms("PLAIN")) + f"<success xmlns='{SASL}'/>")
        # The client's handshake comes after its read of the line above, or the two would fall into one packet.
        link.start_tls(world.good)
        link.open(mechanisms("NOTHING-WE-KNOW"))
        link.wait_for_the_end()

    return script


def accepts_plain(link: Link) -> None:
    message = link.expect("<auth [^>]*mechanism=['\"]PLAIN['\"][^>]*>([^<]*)</auth>").group(1)
    if base64.b64decode(message) != b"\0alice\0right":
        link.send(failure("not-authorized"))
        return
    link.send(f"<success xmlns='{SASL}'/>")
    link.open(BIND)
    link.answer_iq(BOUND)
    link.wait_for_the_end()


def proves_itself_in_a_challenge(link: Link) -> None:
    """The server's final message may come before <success/>, in a challenge of its own (RFC 5802 5)."""
    server = ScramServer("right")
    assert server.run(link)
    link.send(f"<challenge xmlns='{SASL}'>{base64.b64encode(server.signature.encode()).decode()}</challenge>")
    link.expect("<response ")
    link.send(f"<success xmlns='{SASL}'/>")
    link.open(BIND)
    link.answer_iq(BOUND)
    link.wait_for_the_end()


def challenges_after_the_end(link: Link) -> None:
    server = ScramServer("right")
    assert server.run(link)
    final = f"<challenge xmlns='{SASL}'>{base64.b64encode(server.signature.encode()).decode()}</challenge>"
    link.send(final)
    link.expect("<response ")
    link.send(final)
    link.wait_for_the_end()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def revoking(world: World) -> Trust:
    """Trust the authority and its list, in the same file, of certificates that it took back."""
    file = world.directory / "with-revocations.pem"
    file.write_bytes(world.authority.file.read_bytes() + world.authority.revocations())
    return Trust(str(file))


_BEFORE_TLS: dict[str, tuple[Script, str]] = {
    "an immediate close": (closes, "not_xmpp"),
    "an ssh banner": (greets(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "not_xmpp"),
    "a web server": (greets(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"), "not_xmpp"),
    "another root element": (says("<html><body>"), "not_xmpp"),
    "xmpp before 1.0": (says(STREAM.replace("version='1.0'", "")), "not_xmpp"),
    "a document type": (says("<?xml version='1.0'?><!DOCTYPE html>", STREAM), "not_xmpp"),
    "an entity bomb": (says(BOMB, STREAM, "<x>&d;</x>"), "not_xmpp"),
    "a document type in utf-16": (says("<?xml version='1.0'?><!DOCTYPE html>".encode("utf-16")), "not_xmpp"),
    "an undefined entity": (says(STREAM, "<x>&nbsp;</x>"), "not_xmpp"),
    "a comment": (says(STREAM, "<!-- x -->", features(STARTTLS)), "not_xmpp"),
    "a processing instruction": (says(STREAM, "<?x y?>", features(STARTTLS)), "not_xmpp"),
    "malformed xml": (says(STREAM, "<a><b></a>"), "not_xmpp"),
    "text between stanzas": (says(STREAM, "hello"), "not_xmpp"),
    "octets that are no utf-8": (says(STREAM, b"<a>\xff\xfe</a>"), "not_xmpp"),
    "a huge stanza": (says(STREAM, "<a>", "x" * (2 << 20)), "stanza_too_big"),
    "a huge tag": (says(STREAM, "<" + "a" * (2 << 20)), "stanza_too_big"),
    "deep nesting": (says(STREAM, "<a>" * 1000), "stanza_too_big"),
    "a reset": (reset, "connection_lost"),
    "a close after the header": (says(STREAM, "</stream:stream>"), "connection_lost"),
    "another stanza instead of features": (says(STREAM, "<message/>"), "protocol"),
    "no starttls": (says(STREAM, features(mechanisms("SCRAM-SHA-1", "PLAIN"))), "no_starttls"),
    "no features at all": (says(STREAM, features()), "no_starttls"),
}

_STREAM_ERRORS = {
    "host-unknown": "stream_host_unknown",
    "host-gone": "stream_host_gone",
    "policy-violation": "stream_policy_violation",
    "see-other-host": "stream_see_other_host",
    "reset": "stream_reset",
    "conflict": "stream_conflict",
    "not-authorized": "stream_not_authorized",
    "resource-constraint": "stream_resource_constraint",
    "system-shutdown": "stream_system_shutdown",
    "connection-timeout": "stream_connection_timeout",
    "internal-server-error": "stream_internal_server_error",
    "undefined-condition": "stream_other",
    "never-heard-of": "stream_other",
}

_SASL_FAILURES = {
    "not-authorized": "auth_failed",
    "account-disabled": "account_disabled",
    "credentials-expired": "credentials_expired",
    "temporary-auth-failure": "temporary_failure",
    "aborted": "auth_aborted",
    "encryption-required": "auth_encryption_required",
    "invalid-authzid": "auth_invalid_authzid",
    "invalid-mechanism": "auth_invalid_mechanism",
    "mechanism-too-weak": "auth_mechanism_too_weak",
    "malformed-request": "auth_malformed_request",
    "incorrect-encoding": "auth_incorrect_encoding",
    "bad-protocol": "auth_other",
}

_TAMPERED: dict[str, tuple[dict[str, Any], str]] = {
    "a nonce of its own": ({"nonce": lambda client: "somethingelse"}, "server_nonce"),
    "a nonce cut short": ({"nonce": lambda client: client[:-1]}, "server_nonce"),
    "our nonce and nothing more": ({"nonce": lambda client: client}, "server_nonce"),
    "one iteration": ({"iterations": "1"}, "scram_iterations"),
    "4095 iterations": ({"iterations": "4095"}, "scram_iterations"),
    "a million and one iterations": ({"iterations": "1000001"}, "scram_iterations"),
    "a billion iterations": ({"iterations": "1000000000"}, "scram_iterations"),
    "a number of 5000 digits": ({"iterations": "9" * 5000}, "scram_iterations"),
    "zero iterations": ({"iterations": "0"}, "protocol"),
    "negative iterations": ({"iterations": "-4096"}, "protocol"),
    "iterations in words": ({"iterations": "many"}, "protocol"),
    "no salt": ({"salt": b""}, "protocol"),
    "an unknown mandatory extension": ({"first": "m=x,r=a,s=eA==,i=4096"}, "protocol"),
    "another order": ({"first": "s=eA==,r=a,i=4096"}, "protocol"),
    "nothing": ({"first": ""}, "protocol"),
    "a salt that is no base64": ({"first": "r=a,s=e===A=,i=4096"}, "server_nonce"),
    "a wrong signature": ({"final": "v=" + base64.b64encode(b"x" * 20).decode()}, "server_signature"),
    "an empty signature": ({"final": "v="}, "server_signature"),
    "a signature that is no base64": ({"final": "v=%%%"}, "server_signature"),
    "no signature": ({"final": None}, "server_signature"),
    "an error as final message": ({"final": "e=other-error"}, "server_signature"),
}

_UNEXPECTED: dict[str, tuple[str, str]] = {
    "success before any challenge": (f"<success xmlns='{SASL}'/>", "server_signature"),
    "success with data before any challenge": (f"<success xmlns='{SASL}'>dj14</success>", "server_signature"),
    "a challenge that is no base64": (f"<challenge xmlns='{SASL}'>%%%</challenge>", "protocol"),
    "an empty challenge": (f"<challenge xmlns='{SASL}'>=</challenge>", "protocol"),
    "a message": ("<message/>", "protocol"),
    "success in another namespace": ("<success xmlns='urn:other'/>", "protocol"),
    "an element without a name space": ("<a:success xmlns:a=''/>", "not_xmpp"),
}

_BOUND: dict[str, tuple[str, str]] = {
    "conflict": (bind_error("conflict"), "bind_conflict"),
    "resource-constraint": (bind_error("resource-constraint"), "bind_resource_constraint"),
    "not-allowed": (bind_error("not-allowed"), "bind_not_allowed"),
    "internal-server-error": (bind_error("internal-server-error"), "bind_other"),
    "an error without a condition": ("<iq type='error' id='bind'/>", "bind_other"),
    "no resource": ("<iq type='result' id='bind'/>", "protocol"),
    "an answer to another question": ("<iq type='result' id='other'/>", "protocol"),
    "a message": ("<message/>", "protocol"),
}

LOGINS: dict[str, Login] = {
    **{name: Login(verdict, plainly(script), silent=True) for name, (script, verdict) in _BEFORE_TLS.items()},
    **{
        f"stream error {name}": Login(
            verdict,
            plainly(says(STREAM, stream_error(name, "until 12:00"), "</stream:stream>")),
            told="until 12:00",
            silent=True,
        )
        for name, verdict in _STREAM_ERRORS.items()
    },
    "silence": Login("timeout", plainly(silence), timeout=1),
    "silence after the header": Login("timeout", plainly(says(STREAM)), timeout=1),
    "blanks for ever": Login("timeout", plainly(trickle), timeout=1),
    "silence in the tls handshake": Login(
        "timeout", plainly(silence), told="no answer in time while negotiating TLS", tls="direct", timeout=1
    ),
    "a closed port": Login("refused", None, told="127.0.0.1:", port=closed_port),
    # Connecting to the broadcast address fails in the kernel: no packet leaves.
    "no route": Login("unreachable", None, host="255.255.255.255", port=lambda: 5222),
    "a name server that fails": Login("dns", None, told="SRV ", host=None, domain="broken.example"),
    "a domain that declares no service": Login("srv_absent", None, host=None, domain="absent.example"),
    "starttls refused": Login("starttls_refused", plainly(refuses_starttls), silent=True),
    "injection before tls": Login("no_mechanism", injects_in_clear, silent=True, allow_plain=True),
    "an expired certificate": Login(
        "tls_expired", showing(lambda world: world.authority.context([DOMAIN], days=(-9, -2))), silent=True
    ),
    "a certificate of the day after tomorrow": Login(
        "tls_not_yet_valid", showing(lambda world: world.authority.context([DOMAIN], days=(2, 9))), silent=True
    ),
    "a certificate of other names": Login(
        "tls_name_mismatch",
        showing(lambda world: world.authority.context(["im.univ.example", "other.example"])),
        silent=True,
    ),
    "a certificate with the domain as common name only": Login(
        "tls_name_mismatch",
        showing(lambda world: world.authority.context(None, common_name=DOMAIN)),
        silent=True,
    ),
    "a certificate of a stranger": Login(
        "tls_untrusted", showing(lambda world: world.stranger.context([DOMAIN])), silent=True
    ),
    "a certificate that was taken back": Login(
        "tls_revoked",
        showing(lambda world: world.authority.context([DOMAIN], revoked=True)),
        silent=True,
        trust=revoking,
    ),
    "plain text on a direct tls port": Login("tls_error", plainly(greets(STREAM.encode())), tls="direct"),
    "a close in the tls handshake": Login("connection_lost", plainly(lambda link: None), tls="direct"),
    **{
        f"the right password by {name}": Login("ok", knowing_alice(name), told=name)
        for name in ("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")
    },
    "the right password where the list of taken back certificates is clean": Login(
        "ok", lambda world: honest(world.authority.context([DOMAIN]), {"alice": "right"}), trust=revoking
    ),
    "the server's proof in a challenge of its own": Login("ok", inside_tls(proves_itself_in_a_challenge)),
    "a wrong password": Login(
        "auth_failed", lambda world: honest(world.good, {"alice": "right"}), told="no match", password="wrong"
    ),
    "an unknown account": Login(
        "auth_failed", lambda world: honest(world.good, {"bob": "right"}), told="probably does not exist"
    ),
    **{
        f"sasl failure {name}": Login(verdict, inside_tls(answering_auth(failure(name))))
        for name, verdict in _SASL_FAILURES.items()
    },
    **{
        f"only {' '.join(offered)} offered": Login(
            "no_mechanism", inside_tls(Link.wait_for_the_end, *offered), told=" ".join(offered), silent=True
        )
        for offered in (["GSSAPI", "X-OAUTH2"], ["PLAIN"], ["DIGEST-MD5", "PLAIN"])
    },
    "plain on request": Login("ok", inside_tls(accepts_plain, "PLAIN"), allow_plain=True),
    "plain on request with a wrong password": Login(
        "auth_failed", inside_tls(accepts_plain, "PLAIN"), allow_plain=True, password="wrong"
    ),
    "plain that is challenged": Login(
        "protocol", inside_tls(answering_auth(f"<challenge xmlns='{SASL}'/>"), "PLAIN"), allow_plain=True
    ),
    **{
        f"scram: {name}": Login(verdict, inside_tls(scram(**changes))) for name, (changes, verdict) in _TAMPERED.items()
    },
    **{
        f"an answer to a login: {name}": Login(verdict, inside_tls(answering_auth(text)))
        for name, (text, verdict) in _UNEXPECTED.items()
    },
    "a challenge after the end": Login("protocol", inside_tls(challenges_after_the_end)),
    **{f"binding: {name}": Login(verdict, inside_tls(binding(answer))) for name, (answer, verdict) in _BOUND.items()},
    "a password that no server may accept": Login(
        "bad_password_characters", inside_tls(Link.wait_for_the_end), silent=True, password="se\x07cret"
    ),
}


def _jids(*names: str) -> list[Jid]:
    return [bare_jid(f"{name}@{DOMAIN}") for name in names]


def _existence(world: World, offered: tuple[str, ...], password: str, name: str) -> str:
    """The verdict about one account, asked by an administrator."""
    with Peer(AdminServer(world.good, offered, as_prosody)) as peer:
        admin = Account(*_jids("svc-check"), password, "127.0.0.1", peer.port)
        return check_existence(_jids(name), admin, Campaign(world.trust, Resolver())).accounts[0].verdict


def _last_of_a_banned_campaign(world: World) -> str:
    banned = says(STREAM, stream_error("policy-violation", "banned until 12:00"), "</stream:stream>")
    with Peer(banned) as peer:
        accounts = [Account(jid, "right", "127.0.0.1", peer.port) for jid in _jids("a", "b")]
        attempt = partial(try_login, campaign=Campaign(world.trust, Resolver()))
        return check_logins(accounts, attempt, workers=1, rate=0)[-1].verdict


#: Name -> the verdict, and what plays the case and gives the verdict that came out.
PLAYED: dict[str, tuple[str, Callable[[World], str]]] = {
    "the administrator knows the account": ("exists", lambda world: _existence(world, (STATS,), "right", "alice")),
    "the administrator knows no such account": ("absent", lambda world: _existence(world, (STATS,), "right", "ghost")),
    "no administrator": ("unknown", lambda world: _existence(world, (), "right", "alice")),
    "the administrator's password is wrong": (
        "admin_failed",
        lambda world: _existence(world, (STATS,), "wrong", "alice"),
    ),
    "the rest of a campaign that was stopped": ("not_checked", _last_of_a_banned_campaign),
}
