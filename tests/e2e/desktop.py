"""A person in front of a desk: a virtual screen on a lab host, a client started on it, a password typed."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self, TypeVar

import xwd

PROJECT = Path(__file__).resolve().parents[2]
T = TypeVar("T")

POLL_SECONDS = 0.25
TIMEOUT_SECONDS = 300.0  # machines are shared; what fails waits for it once

# Lives as long as its standard input: whatever happens to the test, the screen goes with it, and clients go with
# their screen. Prints its directory and the number of the display, which the X server chooses.
SCREEN_SCRIPT = """
set -eu
cd "$(mktemp -d)"
pwd
Xvfb -displayfd 1 -screen 0 1280x900x24 -fbdir . -nolisten tcp 2> xvfb.log &
trap 'kill $!; rm -rf "$PWD"' EXIT
cat > /dev/null
"""

# One line for each window that a person would see, the screen's background excepted: number, role, title.
WINDOWS_SCRIPT = """
for window in $(xdotool search --onlyvisible --maxdepth 1 --class .); do
  role=$(xprop -id "$window" WM_WINDOW_ROLE | cut -d '"' -sf 2)
  printf '%s\\t%s\\t%s\\n' "$window" "$role" "$(xdotool getwindowname "$window")"
done
"""


class DesktopError(AssertionError):
    """The desk does not show what the test expects; the message says what it shows."""


@dataclass(frozen=True)
class Window:
    """A visible window: X's number for it, the role that its application gives it (may be empty), its title."""

    number: str
    role: str
    title: str

    def __str__(self) -> str:
        return f"{self.title} [{self.role}]"


@dataclass(frozen=True)
class Client:
    """How a client behaves on a desk.

    command: what its menu entry starts.  process: its name in the process table.
    windows: pattern of "title [role]" of the windows that ask for nothing: the main one, and the rooms it opened.
    password_window: pattern of "title [role]" of the question for the password, in French and in English.
    quit_key: what a person presses in the main window to leave; None where SIGTERM is the clean way out. On SIGTERM
    Gajim ends without a word to the server, which keeps its session, and its place in the rooms, for minutes.
    """

    command: str
    process: str
    windows: str
    password_window: str
    quit_key: str | None


CLIENTS = {
    "gajim": Client("gajim", "gajim", r"^Gajim \[", r"^(Password Required|Mot de passe)", "ctrl+q"),
    "pidgin": Client("pidgin", "pidgin", r"\[(buddy_list|conversation)\]", r"\[multifield\]", None),
    "thunderbird": Client("thunderbird", "thunderbird", r"Thunderbird", r"^(Password|Mot de passe)", "ctrl+q"),
}


class Desktop:
    """A screen of a host of the lab that belongs to one login. A context: at its end, screen and client are gone."""

    def __init__(self, host: str, login: str, ssh_config: Path = PROJECT / ".lab" / "ssh_config") -> None:
        self.host = host
        self.login = login
        self._ssh_config = ssh_config

    def __enter__(self) -> Self:
        # The connection of the screen carries all others: one handshake for a hundred looks at the screen.
        self._control = TemporaryDirectory(prefix="desk")
        command = [*self._ssh("-M"), SCREEN_SCRIPT]
        self._screen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._directory = self._screen_says()
        self._display = f":{self._screen_says()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._screen.communicate()  # closes its standard input, which ends it
        self._control.cleanup()

    def _ssh(self, *options: str) -> list[str]:
        place = ["-S", f"{self._control.name}/ssh", f"{self.login}@{self.host}"]
        return ["ssh", "-F", str(self._ssh_config), *options, *place]

    def _screen_says(self) -> str:
        assert self._screen.stdout is not None
        line: bytes = self._screen.stdout.readline().strip()
        if not line:
            raise DesktopError(f"no screen for {self.login} on {self.host}")
        return line.decode()

    def _run(self, script: str, *, stdin: str = "") -> bytes:
        command = [*self._ssh(), f"export DISPLAY={self._display}\n{script}"]
        done = subprocess.run(command, input=stdin.encode(), capture_output=True, check=False)
        if done.returncode:
            last_words = done.stderr.decode(errors="replace")[-600:]
            raise DesktopError(f"{self.login}@{self.host}: {script} ended with {done.returncode}: {last_words}")
        return done.stdout

    def start(self, client: str) -> None:
        """Start a client as its menu entry does, in a desktop session of its own, and wait for its first window.

        Once in some hundred starts Thunderbird 153 hangs under Xvfb on a loaded machine before it shows anything: such
        a start is ended and made once more, as a person would.
        """
        self._client = CLIENTS[client]
        log = f"{self._directory}/client.log"
        for last_try in (False, True):
            self._run(f"setsid dbus-run-session -- {self._client.command} > {log} 2>&1 < /dev/null &")
            try:
                self.wait_for_window(".")
                return
            except DesktopError:
                if last_try:
                    raise
                self._run(f"pkill -KILL -u {self.login} -x {self._client.process} || true")
                self._wait(lambda: not self.processes(), f"the end of {self._client.process}")

    def windows(self) -> list[Window]:
        """What the person sees."""
        return [Window(*line.split("\t", 2)) for line in self._run(WINDOWS_SCRIPT).decode().splitlines()]

    def wait_for_window(self, pattern: str) -> Window:
        """Wait for a window with such a title."""

        def found() -> Window | None:
            return next((each for each in self.windows() if re.search(pattern, str(each))), None)

        return self._wait(found, f"a window titled {pattern}")

    def password_window(self) -> Window:
        """Wait until the client asks for the password."""
        return self.wait_for_window(self._client.password_window)

    def wait_until_gone(self, window: Window) -> None:
        """Wait until the client has closed a window."""
        self._wait(lambda: window not in self.windows(), f"the end of {window}")

    def unexpected_windows(self) -> list[Window]:
        """What the person sees beside the client itself and its question for the password."""
        expected = f"{self._client.windows}|{self._client.password_window}"
        return [each for each in self.windows() if not re.search(expected, str(each))]

    def type_secret(self, window: Window, secret: str) -> None:
        """Type a text into a window and press Return. The text travels by standard input: no process list shows it."""
        keys = "xdotool type --delay 15 --file - && xdotool key Return"
        self._run(f"xdotool windowfocus --sync {window.number} && {keys}", stdin=secret)

    def quit(self) -> None:
        """Leave the client the clean way and wait until it has written its files and is gone."""
        if self._client.quit_key:
            main = self.wait_for_window(self._client.windows)
            self._run(f"xdotool windowfocus --sync {main.number} key {self._client.quit_key}")
        else:
            self._run(f"kill -TERM {' '.join(self.processes())}")
        self._wait(lambda: not self.processes(), f"the end of {self._client.process}")

    def processes(self) -> list[str]:
        """The process ids of the client, as this login."""
        return self._run(f"pgrep -u {self.login} -x {self._client.process} || true").decode().split()

    def log(self) -> str:
        """What the client printed so far."""
        return self._run(f"cat {self._directory}/client.log").decode(errors="replace")

    def screenshot(self, path: Path) -> None:
        """Keep the picture on the screen as a PNG file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(xwd.png(self._run(f"cat {self._directory}/Xvfb_screen0")))

    def _wait(self, look: Callable[[], T | None], what: str) -> T:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not (seen := look()):
            if time.monotonic() > deadline:
                shown = ", ".join(map(str, self.windows())) or "nothing"
                raise DesktopError(
                    f"{self.login}@{self.host}: waited for {what}; the screen shows {shown}; "
                    f"processes {self.processes()}; {self.log()[-600:]}"
                )
            time.sleep(POLL_SECONDS)
        return seen
