"""The cost of asking a server about thousands of accounts: do they exist, do their passwords work.

The server is the lab's Prosody, its service account without limits of speed. The figure to trust is CPU per account,
beside what the unavoidable part costs (PBKDF2 for a login, the server's own CPU for the rate) and beside other clients.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from account_job import Job
from measuring import PROJECT, ROUNDS, line, run

HERE = Path(__file__).parent
LAB = PROJECT / "lab" / "lab"
EXISTING = int(os.environ.get("BENCH_ACCOUNTS", "10000"))
LOGINS = int(os.environ.get("BENCH_LOGINS", "1000"))
#: Other clients need not be asked as often for an average.
OTHERS_EXISTING, OTHERS_LOGINS, PROCESSES = 500, 100, 20

#: Prosody stores new passwords so (its default), and what it costs to check one cannot be less. The goals beside it are
#: those in microseconds, for a machine that derives a key in 1.9 ms.
ITERATIONS = 10_000


@dataclass(frozen=True)
class Measured:
    """What one account took, in seconds, and the client's peak in MB.

    Attributes:
        wall: of the clock.
        cpu: of the client's CPU.
        derived: what of that derived keys.
        server: of the server's CPU.
        peak: MB.
    """

    wall: float
    cpu: float
    derived: float
    server: float
    peak: float


def server_cpu() -> float:
    """CPU seconds that the lab's Prosody has used so far."""
    stats = run(LAB, "exec", "xmpp", "sh", "-c", "cat /proc/[0-9]*/stat; getconf CLK_TCK").output.splitlines()
    # After the name of the program, which may hold anything, fields 12 and 13 are ticks in user and kernel mode.
    fields = [stat.rpartition(")")[2].split() for stat in stats if "(lua" in stat]
    return sum(int(one[11]) + int(one[12]) for one in fields) / int(stats[-1])


def measure(client: str, job: Job) -> Measured:
    """Let a client do the job; every account must be found good."""
    before = server_cpu()
    done = subprocess.run(
        [sys.executable, str(HERE / client)], input=job.to_json(), capture_output=True, text=True, check=False
    )
    after = server_cpu()
    if done.returncode:
        sys.exit(f"{client}: exit {done.returncode}\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if found["verdicts"] != {"exists" if job.kind == "exists" else "ok": job.count}:
        sys.exit(f"{client}: {found['verdicts']}")
    wall, cpu, derived, server = (
        seconds / job.count for seconds in (found["wall"], found["cpu"], found["derived"], after - before)
    )
    return Measured(wall, cpu, derived, server, found["peak"])


def median(rounds: list[Measured], field: str) -> float:
    return statistics.median(getattr(one, field) for one in rounds)


def pbkdf2() -> float:
    """CPU seconds of one derivation of a key, measured now: the machine's speed changes with its load."""
    start = time.process_time()
    for _ in range(50):
        hashlib.pbkdf2_hmac("sha1", b"password", b"saltsaltsaltsalt", ITERATIONS)
    return (time.process_time() - start) / 50


def existence(job: Job) -> None:
    """10,000 accounts, and a tenth of them: rate, CPU, memory."""
    rounds, theirs, few, derived = [], [], [], []
    for _ in range(ROUNDS):
        few.append(measure("with_ours.py", replace(job, count=max(job.count // 10, 1))))
        rounds.append(measure("with_ours.py", job))
        derived.append(pbkdf2())
        theirs.append(measure("with_slixmpp.py", replace(job, count=min(job.count, OTHERS_EXISTING))))
    ours, server, floor = median(rounds, "cpu"), median(rounds, "server"), statistics.median(derived)
    line("existence, rate", 1 / median(rounds, "wall"), "accounts/s", ">= 1000", f"server alone {1 / server:.0f}/s")
    line("existence, client CPU", ours * 1e6, "us/account", "<= 60", f"server {server * 1e6:.0f} us")
    line("existence, accounts for one PBKDF2", floor / ours, "accounts", ">= 32", f"PBKDF2 alone {floor * 1e3:.2f} ms")
    line("existence, CPU of slixmpp / ours", median(theirs, "cpu") / ours, "times", "-", "slixmpp as it comes")
    line("existence, rate of ours / slixmpp", median(theirs, "wall") / median(rounds, "wall"), "times", "-", "the same")
    most, least = median(rounds, "peak"), median(few, "peak")
    line(
        f"existence, memory for {job.count}", most / least, "times", "<= 1.2", f"{most:.0f} MB, a tenth: {least:.0f} MB"
    )


def logins(job: Job) -> None:
    """1,000 logins: rate, CPU, and what other clients need."""
    rounds, theirs = [], []
    for _ in range(ROUNDS):
        rounds.append(measure("with_ours.py", job))
        theirs.append(measure("with_slixmpp.py", replace(job, count=min(job.count, OTHERS_LOGINS))))
    ours, server, floor = median(rounds, "cpu"), median(rounds, "server"), median(rounds, "derived")
    line("login, rate", 1 / median(rounds, "wall"), "logins/s", "-", f"server alone {1 / server:.0f}/s")
    line("login, client CPU", ours * 1e3, "ms/login", "<= 4.5", f"server {server * 1e3:.1f} ms")
    line("login, client CPU / its PBKDF2", ours / floor, "times", "<= 2.4", f"PBKDF2 in it {floor * 1e3:.2f} ms")
    line("login, CPU of slixmpp / ours", median(theirs, "cpu") / ours, "times", ">= 4", "slixmpp as it comes")
    line("login, peak memory", median(rounds, "peak"), "MB", "-", f"slixmpp {median(theirs, 'peak'):.0f} MB")
    with tempfile.TemporaryDirectory() as directory:
        each = sendxmpp(job, Path(directory))
        if isinstance(each, str):
            print(f"login, CPU of go-sendxmpp / ours: skipped, {each}", flush=True)
        else:
            line("login, CPU of go-sendxmpp / ours", each / ours, "times", "-", "one process each, sends a message too")


def sendxmpp(job: Job, directory: Path) -> float | str:
    """CPU seconds of one login by go-sendxmpp, which can only send messages; or why it cannot be had."""
    program = shutil.which("go-sendxmpp")
    if program is None:
        # Unpacked beside, so that nothing is left on the machine.
        commands = (["apt-get", "-q", "download", "go-sendxmpp"], ["sh", "-c", "dpkg -x go-sendxmpp_*.deb ."])
        try:
            for command in commands:
                subprocess.run(command, cwd=directory, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            return f"no go-sendxmpp here, and {error}"
        program = str(directory / "usr" / "bin" / "go-sendxmpp")
    cost = 0.0
    for name in replace(job, count=min(job.count, PROCESSES)).names():
        jid = f"{name}@{job.domain}"
        settings = directory / "settings"
        settings.touch(mode=0o600)
        settings.write_text(
            f"username: {jid}\njserver: {job.host}:{job.port}\npassword: {job.password}\n", encoding="utf-8"
        )
        message = directory / "message"
        message.write_text("benchmark\n", encoding="utf-8")
        cost += run("env", f"SSL_CERT_FILE={job.ca_file}", program, "-f", settings, "-m", message, jid).cpu
    return cost / min(job.count, PROCESSES)


def main() -> None:
    """Make the accounts, measure, remove them."""
    most = max(EXISTING, LOGINS)
    run(LAB, "accounts", str(most))
    try:
        server = json.loads(run(LAB, "servers").output)["xmpp"]
        # podman's forwarder of ports would cost more time than everything that is measured.
        inside = server["address"] is not None
        secrets = json.loads(Path(server["secrets"]).read_text(encoding="utf-8"))
        job = Job(
            kind="exists",
            count=EXISTING,
            at_once=20,
            domain=server["domain"],
            host=server["address"] if inside else server["host"],
            port=server["inside_ports" if inside else "ports"]["starttls"],
            ca_file=server["ca_file"],
            admin=server["admin"],
            admin_password=secrets[server["admin"]],
            password=json.loads(Path(server["accounts"]).read_text(encoding="utf-8"))["password"],
        )
        print(f"{ROUNDS} rounds, medians; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs", flush=True)
        existence(job)
        logins(replace(job, kind="login", count=LOGINS, at_once=4))
    finally:
        run(LAB, "accounts", "0")


if __name__ == "__main__":
    main()
