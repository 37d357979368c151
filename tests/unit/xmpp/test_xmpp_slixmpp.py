"""An independent judgement of our cases: slixmpp, put right where it is no checker, meets the same scripted servers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
from slixmpp_oracle import outcome
from xmpp_cases import LOGINS, World

#: Why slixmpp 1.17 cannot tell -> case -> what it says instead; None: it cannot be asked.
CANNOT_TELL: dict[str, dict[str, str | None]] = {
    "it looks at no SRV record by itself, and takes an error of the name service for 'none'": {
        "a name server that fails": None,
        "a domain that declares no service": None,
    },
    "asyncio gives several failed addresses as one text without their numbers": {"no route": "connection_lost"},
    "it does not remember whether a stream was opened before the link was closed": {
        "an immediate close": "connection_lost"
    },
    "it does not look at the root element": {"another root element": "timeout", "xmpp before 1.0": "timeout"},
    "its parser lets through what XMPP forbids, and expat puts off what it cannot finish": {
        "a document type": "timeout",
        "an entity bomb": "timeout",
        "a document type in utf-16": "timeout",
        "a comment": "timeout",
        "a processing instruction": "timeout",
        "text between stanzas": "timeout",
    },
    "it bounds neither size nor depth": {
        "a huge stanza": "timeout",
        "a huge tag": "timeout",
        "deep nesting": "timeout",
    },
    "it ignores an element that it did not expect, also <failure/> in answer to <starttls/>": {
        "another stanza instead of features": "timeout",
        "an answer to a login: a message": "timeout",
        "an answer to a login: success in another namespace": "timeout",
        "binding: an answer to another question": "timeout",
        "binding: a message": "timeout",
        "starttls refused": "connection_lost",
    },
    "it reads on in what came in clear behind <proceed/>": {"injection before tls": "no_starttls"},
    "it takes the server's final message only from <success/>": {
        "the server's proof in a challenge of its own": "server_signature",
        "a challenge after the end": "timeout",
    },
    "it answers a challenge to PLAIN by nothing": {"plain that is challenged": "timeout"},
    "it is content with its own nonce sent back": {"scram: our nonce and nothing more": "timeout"},
    "it is content without a salt": {"scram: no salt": "timeout"},
    "it does not check the syntax of RFC 5802 7, and in another order than we": {
        "scram: a number of 5000 digits": "protocol",
        "scram: zero iterations": "scram_iterations",
        "scram: negative iterations": "scram_iterations",
        "scram: another order": "server_nonce",
        "scram: a salt that is no base64": "protocol",
    },
    "it takes a <success/> that comes too early for a challenge": {
        "an answer to a login: success before any challenge": "protocol",
        "an answer to a login: success with data before any challenge": "protocol",
    },
    "it is content without a resource": {"binding: no resource": "ok"},
    "an error while it prepares a password is lost in a task": {
        "a password that no server may accept": "timeout",
    },
}
INSTEAD = {name: said for cases in CANNOT_TELL.values() for name, said in cases.items()}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """slixmpp logs a traceback for most of what these servers do."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", [name for name in LOGINS if INSTEAD.get(name, "") is not None])
def test_slixmpp_agrees_wherever_it_can_tell(name: str, world: World) -> None:
    case = LOGINS[name]
    expected = INSTEAD.get(name) or case.verdict
    with case.arranged(world) as (account, campaign, _):
        # What ends in silence need not be awaited long; what does not may take its time on a busy machine.
        seconds = 0.3 if expected == "timeout" else 20
        assert outcome(account, campaign.trust, allow_plain=case.allow_plain, timeout=seconds) == expected


def test_what_slixmpp_cannot_tell_is_about_cases_that_exist(record_property: Callable[[str, object], None]) -> None:
    assert set(INSTEAD) <= set(LOGINS)
    assert all(said != LOGINS[name].verdict for name, said in INSTEAD.items())
    agreed = len(LOGINS) - len(INSTEAD)
    record_property(
        "tried: verdicts", f"slixmpp agrees in {agreed} of {len(LOGINS)} logins and cannot tell in {len(INSTEAD)}"
    )
