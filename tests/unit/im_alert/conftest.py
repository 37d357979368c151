"""The certificates that the servers of these tests show are made where those of the XMPP tests are."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "xmpp"))
