"""SCRAM, the login that never shows the password (RFC 5802, RFC 7677)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets

from .prep import saslprep
from .problems import XmppProblem

#: SASL mechanism -> hash of hashlib, the strongest first.
HASHES = {"SCRAM-SHA-512": "sha512", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}

#: RFC 5802 5.1 and RFC 7677 4 ask for 4096 at least; an absurd count is a way to freeze the client.
MIN_ITERATIONS, MAX_ITERATIONS = 4096, 1_000_000

_SERVER_FIRST = re.compile(rb"r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]*)(?:,.*)?", re.DOTALL)


class Scram:
    """One exchange: ``first()``, then ``step()`` for each message of the server, until ``verified``.

    ``verified`` is True only once the server has proven that it knows the password too (RFC 5802 3, last paragraph).
    """

    def __init__(self, mechanism: str, user: str, password: str, nonce: str | None = None) -> None:
        """Prepare an exchange.

        Args:
            mechanism: a key of ``HASHES``.
            user: the local part of the JID (RFC 6120 6.3.8).
            password: in clear; it does not leave this object.
            nonce: for the vectors of the RFCs; drawn at random otherwise.

        Raises:
            XmppProblem: ``bad_password_characters``.
        """
        self._hash = HASHES[mechanism]
        self._password = saslprep(password).encode()
        self._nonce = (nonce or base64.b64encode(secrets.token_bytes(18)).decode()).encode()
        name = saslprep(user).replace("=", "=3D").replace(",", "=2C").encode()
        self._client_first_bare = b"n=" + name + b",r=" + self._nonce
        self._expected: bytes | None = None
        self.verified = False

    def first(self) -> bytes:
        """The client's first message. Its header ``n,,`` says that we know no channel binding."""
        return b"n,," + self._client_first_bare

    def step(self, message: bytes) -> bytes:
        """Answer one message of the server; b"" once the server is verified.

        Raises:
            XmppProblem: ``server_nonce``, ``scram_iterations``, ``server_signature``, ``protocol``.
        """
        if self.verified:
            raise XmppProblem("protocol", "a challenge after the end of SCRAM")
        if self._expected is None:
            return self._answer(message)
        self._verify(message, self._expected)
        return b""

    def _answer(self, server_first: bytes) -> bytes:
        match = _SERVER_FIRST.fullmatch(server_first)
        if not match:
            raise XmppProblem("protocol", "the SCRAM challenge is not of the form r=...,s=...,i=...")
        nonce, salt_text, count = match.groups()
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise XmppProblem("server_nonce", "the server did not continue our nonce")
        # Length first: int() of a megabyte of digits is itself an attack.
        if len(count) > len(str(MAX_ITERATIONS)) or not MIN_ITERATIONS <= int(count) <= MAX_ITERATIONS:
            asked = count[:12].decode() + ("..." if len(count) > 12 else "")
            raise XmppProblem(
                "scram_iterations",
                f"the server asks for {asked} iterations, we accept {MIN_ITERATIONS} to {MAX_ITERATIONS}",
            )
        salt = _decode(salt_text)
        if not salt:
            raise XmppProblem("protocol", "the SCRAM challenge has an empty or malformed salt")
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, salt, int(count))
        client_key = hmac.digest(salted, b"Client Key", self._hash)
        without_proof = b"c=biws,r=" + nonce
        auth_message = b",".join((self._client_first_bare, server_first, without_proof))
        signature = hmac.digest(hashlib.new(self._hash, client_key).digest(), auth_message, self._hash)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._expected = hmac.digest(hmac.digest(salted, b"Server Key", self._hash), auth_message, self._hash)
        return without_proof + b",p=" + base64.b64encode(proof)

    def _verify(self, server_final: bytes, expected: bytes) -> None:
        signature = b""
        if server_final.startswith(b"v="):
            signature = _decode(server_final[2:].partition(b",")[0]) or b""
        if not hmac.compare_digest(signature, expected):
            raise XmppProblem("server_signature", "the server could not prove that it knows the password")
        self.verified = True


def _decode(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None
