"""What a client of the account benchmark is asked to do, and what it answers: JSON on stdin and stdout."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Job:
    """Ask about accounts u00001, u00002, … of one server.

    Attributes:
        kind: "exists", asked by the administrator; or "login" of each.
        count: how many accounts.
        at_once: questions or logins under way.
    """

    kind: str
    count: int
    at_once: int
    domain: str
    host: str
    port: int
    ca_file: str
    admin: str
    admin_password: str = field(repr=False)
    password: str = field(repr=False)

    def names(self) -> list[str]:
        """Local parts of the accounts."""
        return [f"u{number:05}" for number in range(1, self.count + 1)]

    def to_json(self) -> str:
        """For the stdin of a client: passwords have no place on a command line."""
        return json.dumps(asdict(self))


def serve(work: Callable[[Job], Iterable[str]], derived: Sequence[float] = ()) -> None:
    """Read the job, do it, and print verdicts with their numbers, seconds, CPU seconds and the peak of memory in MB.

    Args:
        work: gives the verdict of each account.
        derived: CPU seconds of each derivation of a key, filled while the work is done.
    """
    job = Job(**json.load(sys.stdin))
    wall, cpu = time.monotonic(), time.process_time()
    verdicts = Counter(work(job))
    found: dict[str, Any] = {"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu, "verdicts": verdicts}
    found["derived"] = sum(derived)
    # Kilobytes on Linux.
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))
