"""A message by a POST of JSON over https; `text` is what Mattermost and Rocket.Chat show as it is."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .carrying import PATIENCE, PAUSE, Later, NotDelivered, verified, with_tries, without
from .message import Message

_TOO_MANY = 429
_SERVER_ERROR = 500


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is posted, token included, goes where the site said and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def post(message: Message, settings: Mapping[str, Any], pause: float = PAUSE) -> None:
    """Post a message.

    Args:
        message: what to say.
        settings: url (https), token (sent as ``Authorization: Bearer``), ca_file.
        pause: seconds before the second try.

    Raises:
        NotDelivered: no answer of 2xx. Only the host of the URL is named: the rest of it is often a secret.
    """
    url, token = settings["url"], settings.get("token") or ""
    parts = urlsplit(url)
    place = f"webhook {parts.hostname}"
    if parts.scheme != "https" or not parts.hostname:
        raise NotDelivered("webhook: the URL must begin with https://")
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = json.dumps(message.as_json(), ensure_ascii=False).encode()
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=verified(settings.get("ca_file") or "")), _NoRedirect()
    )

    def attempt() -> None:
        request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - https was checked above
        try:
            with opener.open(request, timeout=PATIENCE):
                return
        except urllib.error.HTTPError as error:
            with error:
                kind = Later if error.code == _TOO_MANY or error.code >= _SERVER_ERROR else NotDelivered
                raise kind(f"{place}: HTTP {error.code}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            kind = NotDelivered if isinstance(reason, ssl.SSLCertVerificationError) else Later
            raise kind(f"{place}: {without(str(reason), token, parts.path)}") from None
        except ValueError:
            # A token or URL with characters that HTTP has no place for; the exception would show it.
            raise NotDelivered(f"{place}: the URL or the token holds characters that cannot be sent") from None

    with_tries(attempt, pause)
