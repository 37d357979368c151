"""Podman, and the question whether this machine's kernel needs lab/containers.conf."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .settings import LAB_DIR, LabError, Settings

# Every container of ours carries these; what carries them is ours to remove.
LABEL_LAB = "im-lab"
LABEL_RECIPE = "im-lab.recipe"
# The two answers of the probe: podman as it comes, or with the file of this name in lab/.
PLAIN = "plain"
ADAPTED = "containers.conf"


def run(
    command: list[str], *, stdin: str | None = None, check: bool = True, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program and return its texts; LabError with its last lines when `check` and it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed programs, arguments from our own table, never a shell
            command, input=stdin, capture_output=True, text=True, check=False, env=environment
        )
    except FileNotFoundError as missing:
        raise LabError(f"{command[0]} is not installed; `lab/lab setup-host` installs what the lab needs") from missing
    if check and done.returncode:
        last_words = "\n  ".join(done.stderr.strip().splitlines()[-15:])
        raise LabError(f"{' '.join(command[:3])} … failed with status {done.returncode}:\n  {last_words}")
    return done


class Engine:
    """The podman of this machine, with the settings that work here."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._environment: dict[str, str] | None = None

    @property
    def _verdict(self) -> Path:
        return self.settings.cache / "engine"

    def environment(self) -> dict[str, str]:
        """Environment of every call: CONTAINERS_CONF names our file where the plain engine was seen to fail."""
        if self._environment is None:
            self._environment = dict(os.environ)
            verdict = self._verdict.read_text(encoding="utf-8").strip() if self._verdict.exists() else PLAIN
            if verdict != PLAIN:
                self._environment.setdefault("CONTAINERS_CONF", str(LAB_DIR / verdict))
        return self._environment

    def probe(self, image: str) -> None:
        """Start a container once as podman comes; when that fails, with lab/containers.conf. Remembers the answer."""
        if self._verdict.exists() or "CONTAINERS_CONF" in os.environ:
            return
        command = ["podman", "run", "--rm", "--label", f"{LABEL_LAB}=probe", image, "true"]
        plain = run(command, check=False)
        if plain.returncode:
            odd = dict(os.environ, CONTAINERS_CONF=str(LAB_DIR / ADAPTED))
            adapted = run(command, check=False, environment=odd)
            if adapted.returncode:
                raise LabError(
                    "podman starts no container here.\n"
                    f"  as it comes: {plain.stderr.strip()}\n  with lab/containers.conf: {adapted.stderr.strip()}"
                )
        self._verdict.parent.mkdir(parents=True, exist_ok=True)
        self._verdict.write_text(ADAPTED if plain.returncode else PLAIN, encoding="utf-8")
        self._environment = None

    def podman(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Call podman and return what it printed."""
        return run(["podman", *arguments], stdin=stdin, check=check, environment=self.environment()).stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """The containers of this lab, running or not: name to podman's own description."""
        listed = self.podman("ps", "--all", "--format", "json", "--filter", f"label={LABEL_LAB}={self.settings.prefix}")
        return {each["Names"][0]: each for each in json.loads(listed or "[]")}

    def image_exists(self, image: str) -> bool:
        """Whether the engine's store has an image of this name and tag."""
        return run(["podman", "image", "exists", image], check=False, environment=self.environment()).returncode == 0
