"""A message by mail, over TLS that is verified.

community.general.mail is not used: it verifies no certificate (its SMTP_SSL and starttls get no context).
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from pathlib import Path
from typing import Any

from .carrying import PATIENCE, PAUSE, Later, NotDelivered, verified, with_tries, without
from .message import Message

#: Where mail may go without TLS: it does not leave the machine.
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
#: Bytes; a page of a large fleet would have the whole mail refused, and the text says where it is.
_MOST_ATTACHED = 5_000_000
_PORTS = {"starttls": 587, "direct": 465, "none": 25}


def send_mail(message: Message, settings: Mapping[str, Any], page: str = "", pause: float = PAUSE) -> None:
    """Send a message.

    Args:
        message: what to say.
        settings: host, to (addresses), sender; tls (starttls, direct, or none for this machine's own mail server),
            port, username and password, ca_file.
        page: path of the HTML report to attach, "" for none; one that is not there or is very large is left out.
        pause: seconds before the second try.

    Raises:
        NotDelivered: nobody got it, or not everybody.
    """
    host, tls = settings["host"], settings.get("tls") or "starttls"
    username, password = settings.get("username") or "", settings.get("password") or ""
    if tls == "none" and (host not in _OWN_MACHINE or username):
        raise NotDelivered(f"mail {host}: tls: none is for the mail server of this machine, without a password")
    port = int(settings.get("port") or _PORTS[tls])
    try:
        letter = _letter(message, settings, page)
    except ValueError as error:
        raise NotDelivered(f"mail {host}: sender or to: {without(str(error))}") from None
    context = None if tls == "none" else verified(settings.get("ca_file") or "")

    def attempt() -> None:
        try:
            with _connected(host, port, tls, context) as server:
                if username:
                    server.login(username, password)
                refused = server.send_message(letter)
        except UnicodeError:
            # Its text would show a part of the password.
            raise NotDelivered(f"mail {host}:{port}: smtplib sends user names and passwords in ASCII only") from None
        except ssl.SSLError as error:
            raise NotDelivered(f"mail {host}:{port}: {without(str(error), password)}") from None
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            kind = Later if _may_pass(error) else NotDelivered
            raise kind(f"mail {host}:{port}: {without(str(error), password)}") from None
        if refused:
            raise NotDelivered(f"mail {host}:{port}: {without(str(refused), password)}")

    with_tries(attempt, pause)


def _connected(host: str, port: int, tls: str, context: ssl.SSLContext | None) -> smtplib.SMTP:
    if tls == "direct":
        return smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=context)
    server = smtplib.SMTP(host, port, timeout=PATIENCE)
    if tls == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _may_pass(error: Exception) -> bool:
    """Say whether another try may go better: not when the server refused for good (5xx), or knows no STARTTLS."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code < 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < 500
    return not isinstance(error, smtplib.SMTPNotSupportedError)


def _letter(message: Message, settings: Mapping[str, Any], page: str) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = message.subject
    letter["From"] = settings["sender"]
    letter["To"] = ", ".join(settings["to"])
    letter["Date"] = format_datetime(localtime())
    letter["Message-ID"] = make_msgid(domain="localhost")
    # No answer of an absent colleague to a machine (RFC 3834).
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text)
    if page and Path(page).is_file() and Path(page).stat().st_size <= _MOST_ATTACHED:
        # utf-8 is what the page says of itself too.
        content, name = Path(page).read_bytes(), Path(page).name
        letter.add_attachment(content, maintype="text", subtype="html", filename=name, params={"charset": "utf-8"})
    return letter
