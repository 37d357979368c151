"""A scripted server that answers an administrator's questions as Prosody, as ejabberd, or badly."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable

from xmpp_certificates import DOMAIN
from xmpp_peer import BIND, SASL, Link, ScramServer, failure, mechanisms

ADMIN = "http://jabber.org/protocol/admin"
USERS = {"svc-check", "alice", "bob", "user"}
STATS, LIST = f"{ADMIN}#user-stats", f"{ADMIN}#get-registered-users-list"
DISABLE = f"{ADMIN}#disable-user"

#: Given the node of a command and the account it is about (or ""), the inside of the answer, or a whole error.
Answers = Callable[[str, str], str]


def completed(inside: str) -> str:
    return f"<command xmlns='http://jabber.org/protocol/commands' status='completed'>{inside}</command>"


def form(*fields: tuple[str, str]) -> str:
    rows = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in fields)
    return f"<x xmlns='jabber:x:data' type='result'>{rows}</x>"


def error(condition: str) -> str:
    return f"<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"


def as_prosody(node: str, user: str) -> str:
    """Prosody 0.12 and 13: a note for an unknown account."""
    if user in USERS:
        return completed(form(("rostersize", "0")))
    return completed("<note type='error'>User does not exist</note>")


def as_ejabberd(node: str, user: str) -> str:
    """ejabberd 23.01: a list of all; statistics that are the same for anybody."""
    if node == LIST:
        jids = "".join(f"<value>{u}@{DOMAIN}</value>" for u in sorted(USERS))
        return completed(f"<x xmlns='jabber:x:data' type='form'><field var='registereduserjids'>{jids}</field></x>")
    return completed(form(("rostersize", "0")))


class AdminServer:
    """A server up to an administrator's questions. ``most`` is the largest number of them that came at once."""

    def __init__(self, context: ssl.SSLContext, offered: tuple[str, ...], answers: Answers) -> None:
        self._context, self._offered, self._answers = context, offered, answers
        self.asked: list[str] = []
        self.stop_after = -1
        self.last_words = ""
        self.before_each = ""
        self.sender = DOMAIN

    def __call__(self, link: Link) -> None:
        link.secure(self._context, mechanisms("SCRAM-SHA-1"))
        server = ScramServer("right")
        if not server.run(link):
            link.send(failure("not-authorized"))
            return
        server.success(link)
        link.open(BIND)
        link.expect("<iq [^>]*>.*?</iq>")
        bound = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>svc-check@univ.example/r</jid></bind>"
        link.send(f"<iq type='result' id='bind'>{bound}</iq>")
        while True:
            match = link.expect("""<iq type='(?:get|set)' id="([^"]*)" to="([^"]*)">(.*?)</iq>""")
            ident, to, payload = (group.decode() for group in match.groups())
            assert to == DOMAIN
            self._reply(link, ident, self._answer(payload))

    def _answer(self, payload: str) -> str:
        if "disco#items" in payload:
            items = "".join(f"<item jid='{DOMAIN}' node='{node}'/>" for node in self._offered)
            return f"<query xmlns='http://jabber.org/protocol/disco#items'>{items}</query>"
        node = re.search("node='([^']*)'", payload)
        user = re.search("<value>([^<@]*)@", payload)
        if len(self.asked) == self.stop_after:
            return self.last_words
        self.asked.append(user.group(1) if user else "")
        return self._answers(node.group(1) if node else "", user.group(1) if user else "")

    def _reply(self, link: Link, ident: str, inside: str) -> None:
        if inside == self.last_words and self.last_words:
            link.send(inside)
            link.wait_for_the_end()
            raise EOFError
        kind = "error" if inside.startswith("<error") else "result"
        link.send(self.before_each, f"<iq type='{kind}' id='{ident}' from='{self.sender}'>{inside}</iq>")


class DisablingServer(AdminServer):
    """As Prosody 13: offers to disable accounts, and refuses those that are disabled before it asks for a password.

    The first connection is the administrator's.

    refusals: local part -> what the server answers to the first message of SCRAM instead of a challenge.
    to_abort: its answer when the login is given up.
    """

    def __init__(self, context: ssl.SSLContext, refusals: dict[str, str]) -> None:
        super().__init__(context, (STATS, DISABLE), as_prosody)
        self.refusals = refusals
        self.to_abort = failure("aborted")
        self.connections: list[Link] = []

    def __call__(self, link: Link) -> None:
        self.connections.append(link)
        if len(self.connections) == 1:
            super().__call__(link)
        link.secure(self._context, mechanisms("SCRAM-SHA-1"))
        while True:
            match = link.expect("<auth [^>]*>([^<]*)</auth>")
            user = base64.b64decode(match.group(1)).decode().split("n=")[1].split(",")[0]
            if user in self.refusals:
                link.send(self.refusals[user])
                continue
            link.send(f"<challenge xmlns='{SASL}'>{base64.b64encode(b'r=x,s=eA==,i=4096').decode()}</challenge>")
            link.expect("<abort [^>]*/>")
            link.send(self.to_abort)
