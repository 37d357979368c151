"""A container that boots systemd, or the reason why it cannot."""

from __future__ import annotations

import time

import pytest
from im_lab.engine import Engine

_PATIENCE = 300  # seconds, with the packages, on a machine that does ten other things


def wait_for_systemd(engine: Engine, name: str) -> None:
    """Skip the test, with what was seen, where the kernel or the container engine lets no systemd run."""
    deadline = time.monotonic() + _PATIENCE
    asking = "test $(cat /proc/1/comm) != systemd || systemctl is-system-running --wait"
    while True:
        seen = engine.podman("exec", name, "sh", "-c", asking, check=False).strip()
        if seen in ("running", "degraded"):
            return
        state = engine.podman("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name).strip()
        assert state != "exited 42", "Debian's packages of systemd cannot be installed"
        if state.startswith("exited") or time.monotonic() > deadline:
            logs = engine.podman("logs", "--tail", "5", name, check=False)
            pytest.skip(f"systemd does not boot in a container here: {state}, '{seen}' after {_PATIENCE} s; {logs}")
        time.sleep(0.5)
