"""A server that lets clients speak slowly, as ejabberd does with its default shaper."""

from __future__ import annotations

import ssl
import threading

import pytest
from ansible.module_utils.xmpp.accounts import Account
from ansible.module_utils.xmpp.connection import Request
from ansible.module_utils.xmpp.jid import bare_jid
from ansible.module_utils.xmpp.problems import XmppProblem
from ansible.module_utils.xmpp.session import Campaign, logged_in
from xmpp_certificates import DOMAIN
from xmpp_peer import BIND, Link, Peer, ScramServer, mechanisms


@pytest.mark.parametrize(("size", "patient"), [(20_000, True), (10, False)])
def test_an_answer_to_much_is_waited_for_longer(
    size: int, patient: bool, good: ssl.SSLContext, campaign: Campaign
) -> None:
    left = threading.Event()

    def script(link: Link) -> None:
        link.secure(good, mechanisms("SCRAM-SHA-1"))
        server = ScramServer("right")
        assert server.run(link)
        server.success(link)
        link.open(BIND)
        link.expect("<iq [^>]*>.*?</iq>")
        bound = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>zoe@univ.example/r</jid></bind>"
        link.send(f"<iq type='result' id='bind'>{bound}</iq>")
        ident = link.expect("""<iq type='set' id="([^"]*)" to=.*</iq>""").group(1).decode()
        # Longer than the client waits for an answer to little, unless it has left by then.
        left.wait(4)
        link.send(f"<iq type='result' id='{ident}'/>")
        link.wait_for_the_end()

    with Peer(script) as peer:
        account = Account(bare_jid(f"zoe@{DOMAIN}"), "right", "127.0.0.1", peer.port)
        impatient = Campaign(campaign.trust, campaign.resolver, timeout=3)
        with logged_in(account, impatient) as (connection, _):
            asked = connection.ask([Request(None, "set", f"zoe@{DOMAIN}", f"<x xmlns='x'>{'x' * size}</x>")])
            if patient:
                assert next(asked)[1].get("type") == "result"
            else:
                with pytest.raises(XmppProblem) as caught:
                    next(asked)
                assert caught.value.code == "timeout"
            left.set()
