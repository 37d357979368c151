"""What is asked about, and what is found out."""

from __future__ import annotations

from dataclasses import dataclass, field

from .jid import Jid
from .problems import VERDICTS
from .resolve import Server, TlsMode


@dataclass(frozen=True)
class Account:
    """An account to ask about, or to ask with. The password shows in no representation.

    Attributes:
        jid: its address.
        password: in clear; None when unknown.
        host: explicit host; None: SRV records, else the domain.
        port: explicit port; None: the customary one.
        tls: "starttls", "direct" or None, see ``Server``.
    """

    jid: Jid
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    tls: TlsMode | None = None

    @property
    def server(self) -> Server:
        """Where to ask."""
        return Server(self.jid.domain, self.host, self.port, self.tls)


@dataclass(frozen=True)
class Result:
    """The verdict about one account.

    Attributes:
        jid: whose.
        verdict: one of ``problems.VERDICTS``.
        detail: technical, in English or the server's own words; "" when there is nothing to add.
    """

    jid: Jid
    verdict: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"no verdict is named {self.verdict!r}")
