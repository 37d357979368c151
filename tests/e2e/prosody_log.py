"""What the lab's server says on its log, read from a mark on."""

import re
import time
from pathlib import Path

POLL_SECONDS = 0.2
TIMEOUT_SECONDS = 300.0  # machines are shared; what fails waits for it once


class ProsodyLog:
    """The log of the lab's server. mark() remembers the present; what came before a mark proves nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from = 0

    def mark(self) -> None:
        """Forget what the log says up to now."""
        self._from = self._path.stat().st_size

    def lines(self) -> list[str]:
        """The lines since the mark."""
        with self._path.open("rb") as log:
            log.seek(self._from)
            return log.read().decode(errors="replace").splitlines()

    def wait_for(self, text: str) -> str:
        """Wait for a line since the mark that ends with this text, perhaps followed by more words; return the line."""
        pattern = re.compile(re.escape(text) + r"(?=[\s/]|$)")
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            found = next((line for line in self.lines() if pattern.search(line)), None)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"the server's log has no {text!r} since the mark, but:\n" + "\n".join(self.lines())
                )
            time.sleep(POLL_SECONDS)
