"""A real SMTP server (aiosmtpd) for a control node of the lab: each letter becomes a file, until this is ended.

python mailbox.py DIRECTORY PORT: in the directory stand authority.pem, which signed its certificate of localhost, and
the letters as 0.eml, 1.eml and so on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "unit" / "im_alert"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "unit" / "xmpp"))

from alert_peers import mail_server
from xmpp_certificates import Authority


def main() -> None:
    """Serve."""
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    authority = Authority(directory, "authority")
    with mail_server(authority.context(["localhost"]), port=port) as peer:
        while True:
            for number, letter in enumerate(peer.letters):
                (directory / f"{number}.eml").write_bytes(letter.as_bytes())
            time.sleep(0.2)


if __name__ == "__main__":
    main()
