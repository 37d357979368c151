"""The acceptance kit: which lines there are, and the report that a site sends back.

A line is one assumption about Windows or macOS that nobody could prove without one. library/im_selftest.ps1 and .py
ask it. The catalogues say what is assumed (``selftest.<id>.assumed``) and how it is asked (``selftest.<id>.asked``),
for all lines of a group in one sentence where they have none of their own. docs/limitations.md names each group.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .im_catalogue import LANGUAGES, text
from .im_formats import shell_link
from .im_formats.mozilla_install import install_hash
from .im_model import Client

ADMINISTRATOR, SYSTEM = "administrator", "system"
VERDICTS = ("proved", "disproved", "not_asked")
#: Why a line was not asked, or how it broke: each with a sentence ``selftest.reason.<code>``.
REASONS = (
    *(
        "already_there",
        "check_mode",
        "needs_change",
        "needs_older",
        "no_answer",
        "no_brew",
        "no_client_runs",
    ),
    *("no_console_user", "no_junction", "no_profile", "no_profile_made", "no_second_witness"),
    *("no_shell", "no_tasks", "no_winget"),
    *("nobody_logged_on", "not_installed", "not_noted", "other_connection", "threw", "unknown_line"),
)
#: What only Windows can tell wrongly on the way: letters beyond ASCII, beyond 16 bits, quotes, ends of lines.
ECHO = 'Zoë O\'Brien & "Co" <x> \\ € 😀 `$env:TEMP` {{ 1 }}\r\n' * 200
#: A shortcut as the product lays it, and the program that Windows is to find in it.
LINK = base64.b64encode(shell_link.link_to(["%SystemRoot%\\System32\\cmd.exe", "/c", "exit"])).decode()


class Line(NamedTuple):
    """One assumption.

    Attributes:
        id: what the report, the module and docs/limitations.md call it; up to the first dot, its group.
        system: "Windows" or "Darwin".
        account: who asks it: an administrator (root), or SYSTEM.
        change: whether it is one of those that do more than look.
    """

    id: str
    system: str
    account: str = ADMINISTRATOR
    change: bool = False

    @property
    def group(self) -> str:
        """The part of the id before the first dot."""
        return self.id.partition(".")[0]


LINES = (
    Line("windows-connection.winrm", "Windows"),
    Line("windows-connection.psrp", "Windows"),
    Line("windows-connection.ssh", "Windows"),
    Line("windows-shell", "Windows"),
    Line("windows-bits", "Windows"),
    Line("windows-recording", "Windows"),
    Line("windows-native.Test-ImAdministrator", "Windows"),
    Line("windows-native.Test-ImSystem", "Windows", SYSTEM),
    Line("windows-native.Resolve-ImSid", "Windows"),
    Line("windows-native.Get-ImSecurity", "Windows"),
    Line("windows-native.Get-ImOwner", "Windows"),
    Line("windows-native.Get-ImStreamOwner", "Windows"),
    Line("windows-native.New-ImFile", "Windows"),
    Line("windows-native.New-ImFolder", "Windows"),
    Line("windows-native.Set-ImAccess", "Windows"),
    Line("windows-native.Get-ImExitCode", "Windows"),
    Line("windows-native.Invoke-ImUnpacker", "Windows"),
    Line("windows-uninstall-keys", "Windows"),
    Line("windows-profiles", "Windows"),
    Line("windows-redirection", "Windows"),
    Line("windows-rights", "Windows"),
    Line("windows-junction", "Windows"),
    Line("windows-running.owner", "Windows"),
    Line("windows-running.lock", "Windows"),
    Line("windows-running.clients", "Windows"),
    Line("windows-thunderbird-section", "Windows"),
    Line("windows-autostart", "Windows"),
    Line("windows-portable", "Windows"),
    Line("windows-winget.system", "Windows", SYSTEM),
    Line("windows-winget.client", "Windows", SYSTEM),
    Line("windows-winget.source", "Windows", SYSTEM, change=True),
    Line("windows-first-logon", "Windows", change=True),
    Line("windows-trust", "Windows", change=True),
    Line("windows-installers.install", "Windows", change=True),
    Line("windows-installers.upgrade", "Windows", change=True),
    Line("mac-python", "Darwin"),
    Line("mac-brew", "Darwin"),
    Line("mac-library", "Darwin"),
    Line("mac-running", "Darwin"),
    Line("mac-trust", "Darwin", change=True),
    Line("mac-launch-agent", "Darwin", change=True),
    Line("mac-thunderbird-section", "Darwin", change=True),
)


def lines_of(system: str, account: str | None = None) -> list[Line]:
    """Return the lines of a system, of all accounts or one, but for those that take an installation of their own."""
    asked = [line for line in LINES if line.system == system and account in (None, line.account)]
    return [line for line in asked if account is None or line.group != "windows-installers"]


def clients_for(clients: Mapping[str, Client], system: str, fresh: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return what a host is told about each client: where it is there, and by what the product knows it.

    FRESH: those that the kit has installed.
    """
    return {
        name: _client_for(client, client.platforms[system]) | {"fresh": name in fresh}
        for name, client in clients.items()
        if system in client.platforms
    }


def _client_for(client: Client, answers: Mapping[str, Any]) -> dict[str, Any]:
    bases = answers["bases"]
    package = next(iter(answers["packages"]), "")
    folder = next(iter(answers.get("install_dirs", [])), "")
    application = bases.get("application", "")
    program = application or (answers["command"][0] if answers["command"][0].endswith(".exe") else "")
    if application and folder:
        program = f"{folder}/{client.name}"
    elif folder:
        program = f"{folder}\\{client.name}.exe"
    return {
        "id": package,
        "product": answers["package_options"].get(package, {}).get("product", client.title),
        "processes": list(client.processes),
        "locks": list(answers.get("locks", client.locks)),
        "profile": bases["profile"].removeprefix("~/"),
        "program": _anywhere(program),
        "folder": folder,
        "section": install_hash(folder) if folder else "",
        "authorities": bases.get("authorities", bases.get("keg_authorities", "")).removeprefix("/"),
    }


def _anywhere(program: str) -> str:
    """A program of Windows by the variable that names its folder, which has another drive or name on some PCs."""
    if program.startswith("C:\\Program Files\\"):
        program = "%ProgramFiles%" + program.removeprefix("C:\\Program Files")
    return program.replace("\\", "/")


def packages_for(clients: Mapping[str, Client], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return client -> its package, as winget_package takes it, of those named."""
    found = {}
    for name in names:
        answers = clients[name].platforms["Windows"]
        package = answers["packages"][0]
        found[name] = {"id": package, **answers["package_options"][package]}
    return found


def said(line: Line, what: str, language: str) -> str:
    """Return the sentence of a line, or that of its group; WHAT: "assumed" or "asked"."""
    own = f"selftest.{line.id}.{what}"
    key = own if own in LANGUAGES[language] else f"selftest.{line.group}.{what}"
    return text(key, language, name=line.id.partition(".")[2])


def mask(value: Any, names: Iterable[str]) -> Any:
    """Return a seen value without names, SIDs and folders of people. Truths and numbers stay."""
    if isinstance(value, bool | int) or value is None:
        return value
    shown = re.sub(r"S-1-(5-21|12-1)-[0-9-]+", "<sid>", str(value))
    shown = re.sub(r"(?i)([\\/](?:users|home)[\\/])[^\\/\s]+", r"\1<name>", shown)
    shown = re.sub(r"[\w.+-]+@[\w.-]+", "<name>", shown)
    # Longest first: a name may hold another.
    for name in sorted({name for name in names if len(name) > 1}, key=len, reverse=True):
        shown = re.sub(rf"(?i)(?<!\w){re.escape(name)}(?!\w)", "<name>", shown)
    return " ".join(shown.split())[:200]


def rows_of(system: str, answers: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row for each line of a system: id, verdict, reason, seen. What nobody answered is not asked."""
    rows = []
    for line in lines_of(system):
        answer = answers.get(line.id) or {"verdict": "not_asked", "reason": "no_answer", "seen": {}}
        seen = {str(name): mask(value, names) for name, value in sorted((answer.get("seen") or {}).items())}
        rows.append({"id": line.id, "verdict": answer["verdict"], "reason": answer.get("reason") or "", "seen": seen})
    return rows


def with_digest(answers: dict[str, dict[str, Any]], digest: str) -> dict[str, dict[str, Any]]:
    """Compare what arrived of ECHO with what was sent: the line of the connection that was used."""
    for identifier, answer in answers.items():
        if identifier.startswith("windows-connection.") and answer["verdict"] == "proved":
            arrived = answer["seen"].pop("digest", "") == digest
            answer["seen"]["text_arrived_whole"] = arrived
            answer["verdict"] = "proved" if arrived else "disproved"
        elif identifier.startswith("windows-connection."):
            answer["seen"].pop("digest", None)
    return answers


def as_table(rows: Sequence[Mapping[str, Any]], language: str = "fr") -> str:
    """Return the short table for the screen."""
    verdicts = {verdict: text(f"selftest.verdict.{verdict}", language) for verdict in VERDICTS}
    width = max(len(verdict) for verdict in verdicts.values())
    told = []
    for row in rows:
        reason = f"  ({row['reason']})" if row["reason"] else ""
        told.append(f"{verdicts[row['verdict']]:<{width}}  {row['id']}{reason}")
    return "\n".join([*told, "", counted(rows, language)])


def counted(rows: Sequence[Mapping[str, Any]], language: str = "fr") -> str:
    """Return how many lines have each verdict, as one sentence."""
    numbers = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}
    return text("selftest.counted", language, **numbers)


def as_page(report: Mapping[str, Any], language: str = "fr") -> str:
    """Return the report as Markdown."""
    page = ["# " + text("selftest.title", language), "", text("selftest.send_back", language), ""]
    page += [
        f"- {text('selftest.about.' + name, language)} {value}" for name, value in report["about"].items() if value
    ]
    page += ["", counted(report["lines"], language), ""]
    known = {line.id: line for line in LINES}
    for row in report["lines"]:
        line = known[row["id"]]
        page += [f"## {row['id']}: {text('selftest.verdict.' + row['verdict'], language)}", ""]
        if row["reason"]:
            page.append(f"- {text('selftest.why', language)} {text('selftest.reason.' + row['reason'], language)}")
        page.append(f"- {text('selftest.assumed', language)} {said(line, 'assumed', language)}")
        page.append(f"- {text('selftest.asked', language)} {said(line, 'asked', language)}")
        if row["seen"]:
            shown = ", ".join(
                f"`{name} = {json.dumps(value, ensure_ascii=False)}`" for name, value in row["seen"].items()
            )
            page.append(f"- {text('selftest.seen', language)} {shown}")
        page.append("")
    return "\n".join(page)


def write(report: Mapping[str, Any], directory: Path, name: str, language: str = "fr") -> Path:
    """Write the report as Markdown and JSON, and return the path of the first."""
    directory.mkdir(parents=True, exist_ok=True)
    page = directory / f"{name}.md"
    page.write_text(as_page(report, language), encoding="utf-8")
    page.with_suffix(".json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return page
