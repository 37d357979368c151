"""What ``--check`` foretold against what the same run then did: rows, documents and diffs, and no trace on the desks.

As a program, for molecule: ``predictions.py DIRECTORY HOST`` compares the last reports of a host in a directory.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
#: (host, login, client of a row or path of a document); the login is "" where the machine is meant.
Place = tuple[str, str, str]

#: Documents that begin as a file of the client's package: what they will hold is unknown before it is installed.
BEGUN_BY_THE_PACKAGE = {".purple/prefs.xml": "/etc/purple/prefs.xml"}
#: Root's look at all that a check could have touched. The time of the last change of an inode cannot be set back.
TRACES = (
    "find /home /srv /etc /usr/local /var/lib/im_client /var/lib/dpkg /var/mail -path /home/ansible -prune "
    r"-o -printf '%p %y %i %m %U:%G %s %C@ %l\n' 2>/dev/null | sort"
)


@dataclass
class Tally:
    """What was compared.

    runs: real runs that a check foretold.  rows: host, login and client.  documents: of those rows, or of rollbacks.
    diffs: texts of ``--diff``.  not_installed: rows whose client was not installed yet, so that no version was known.
    without: why some runs were not foretold.
    """

    runs: int = 0
    rows: int = 0
    documents: int = 0
    diffs: int = 0
    not_installed: int = 0
    without: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = (
            f"{self.runs} runs foretold by --check: {self.documents} (scenario, document) predictions, {self.rows} "
            f"rows and {self.diffs} diffs compared with the results ({self.not_installed} rows before the installation)"
        )
        reasons = "".join(f"\n  not foretold: {why} ({self.without.count(why)})" for why in dict.fromkeys(self.without))
        return told + reasons

    def __add__(self, other: Tally) -> Tally:
        """What both compared."""
        return Tally(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


TALLY = Tally()
#: Environment variable: the directory in which each process leaves its tally, for sum_of().
KEPT_IN = "PREDICTIONS_KEPT_IN"


def tell(write_line: Callable[[str], None]) -> None:
    """Write what this process compared, if anything, and keep it where it is summed up."""
    if TALLY.runs:
        write_line(str(TALLY))
        if directory := os.environ.get(KEPT_IN):
            (Path(directory) / f"{os.getpid()}.json").write_text(json.dumps(asdict(TALLY)), encoding="utf-8")


def sum_of(directory: Path) -> Tally:
    """What all processes compared that left their tally in a directory."""
    kept = [Tally(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(directory.glob("*.json"))]
    return sum(kept, Tally())


@dataclass(frozen=True)
class Run:
    """What a run of a playbook left: its standard output, its exit code, its report when it came so far."""

    printed: str
    code: int
    report: Mapping[str, Any] | None


def compare(foretold: Run, done: Run) -> list[str]:
    """Hold a run against the check before it; one sentence for each difference."""
    if (foretold.report is None) != (done.report is None):
        return [f"only one of the two came to a report:\n{foretold.printed}\n{done.printed}"]
    different = _compare({"exit code": foretold.code}, {"exit code": done.code})
    begun: set[str] = set()
    if foretold.report and done.report:
        different += compare_reports(foretold.report, done.report)
        begun = {
            f"{row['host']}:~{row['login']}/{path}"
            for row in foretold.report["rows"]
            for path in BEGUN_BY_THE_PACKAGE
            if row["version"] is None
        }
    else:
        TALLY.runs += 1
    for name, read in (("diff", diffs_of), ("rollback", rollback_of), ("server", server_of), ("changed", changed_of)):
        before, after = read(foretold.printed), read(done.printed)
        TALLY.diffs += len(after) * (name == "diff")
        TALLY.documents += len(after) * (name == "rollback")
        different += [f"{name}: {line}" for line in _compare(_without(begun, before), _without(begun, after))]
    return different


def left_behind(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What a check changed on the desks, from what TRACES printed there: host -> lines."""
    return [
        f"the check itself changed {host}: {line}"
        for host, lines in before.items()
        for line in sorted(set(lines.splitlines()) ^ set(after[host].splitlines()))
    ]


def compare_reports(foretold: Mapping[str, Any], done: Mapping[str, Any]) -> list[str]:
    """Hold two reports against each other: accounts and rows; one sentence for each difference."""
    TALLY.runs += 1
    accounts = _compare({"accounts": foretold["accounts"]}, {"accounts": done["accounts"]})
    return accounts + compare_rows(foretold["rows"], done["rows"])


def compare_rows(foretold: Sequence[Row], done: Sequence[Row]) -> list[str]:
    """Hold the rows of two reports against each other, all of them and all that they say, document by document.

    What only the client's package can tell, its version and the content of BEGUN_BY_THE_PACKAGE, is left out where it
    is not installed yet.

    Returns:
        One sentence for each difference.
    """
    before, after = _by_place(foretold), _by_place(done)
    TALLY.rows += len(after)
    TALLY.documents += len({one for row in done for one in _documents_of(row)})
    different = _compare(dict.fromkeys(before), dict.fromkeys(after))
    for place in before.keys() & after.keys():
        expected, found = dict(before[place]), dict(after[place])
        documents, there = ({one["path"]: dict(one) for one in row.pop("documents")} for row in (expected, found))
        if expected["version"] is None and found["version"] is not None:
            TALLY.not_installed += 1
            del expected["version"], found["version"]
            for begun in (one for paths in (documents, there) for path, one in paths.items() if _is_begun(path)):
                del begun["causes"]
        different += [f"{place}: {line}" for line in _compare(expected, found) + _compare(documents, there)]
    return different


def _is_begun(path: str) -> bool:
    return path in BEGUN_BY_THE_PACKAGE


def _by_place(rows: Sequence[Row]) -> dict[Place, Row]:
    return {(row["host"], row["login"], row["client"]): row for row in rows}


def _documents_of(row: Row) -> list[Place]:
    """A document of the machine stands in the row of each of its seats."""
    paths = [document["path"] for document in row["documents"]]
    return [(row["host"], "" if path.startswith("/") else row["login"], path) for path in paths]


def _without(keys: set[str], found: Mapping[str, Any]) -> dict[str, Any]:
    """For what is not known before: that it is there, and no more."""
    return {key: None if key in keys else value for key, value in found.items()}


def _compare(foretold: Mapping[Any, Any], done: Mapping[Any, Any]) -> list[str]:
    """One sentence for each key whose value differs."""
    return [
        f"{key}: foretold {foretold.get(key, 'nothing')!r}, found {done.get(key, 'nothing')!r}"
        for key in dict.fromkeys([*foretold, *done])
        if (key in foretold, foretold.get(key)) != (key in done, done.get(key))
    ]


def diffs_of(printed: str) -> dict[str, str]:
    """ "host:path" -> the text that ``--diff`` shows of this document."""
    found = re.findall(r"^--- before: (\S+:[~/].*)\n\+\+\+ after: .*\n((?:[-+@ \\].*\n)+)", printed, re.MULTILINE)
    return dict(found)


def rollback_of(printed: str) -> dict[str, str]:
    """ "host login document" -> what became of it, from the table of a rollback."""
    table = re.search(r"(?m)^( *)poste +session +document +résultat *\n((?: *\S.*\n)+)", printed)
    lines = re.findall(rf"(?m)^{table[1]}(\S+ +\S+ +\S+)  +(\S.*)$", table[2]) if table else []
    return {" ".join(place.split()): result for place, result in lines}


def server_of(printed: str) -> dict[str, str | bool]:
    """What a run writes on the server for the people: one entry for each sentence about a person, for the counts, and
    for each text that ``--diff`` shows, in their order."""
    told: dict[str, str | bool] = dict.fromkeys(
        re.findall(r"(?m)^ +(\S+@\S+, (?:contacts|salons|profil) : .*)$", printed), True
    )
    told |= dict(re.findall(r"(Sur le serveur : \d+ souhaits sur \d+ en place, dont) (\d+)", printed))
    diffs = re.findall(r"(?m)^--- before: ([^\s:]+@[^\s:]+)\n\+\+\+ after: .*\n((?:[-+@ \\].*\n)+)", printed)
    return told | {f"{number} {jid}": text for number, (jid, text) in enumerate(diffs)}


def changed_of(printed: str) -> dict[str, bool]:
    """Host -> whether anything changes, from the recap."""
    found = re.findall(r"(?m)^(\S+)\s+: ok=\d+\s+changed=(\d+)", printed)
    return {host: count != "0" for host, count in found}


def main(directory: str, host: str) -> int:
    """Compare the last check of a host with the first run after it; both left their reports in the directory."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(directory).glob("2*.json"))]
    of_host = [report for report in reports if {row["host"] for row in report["rows"]} == {host}]
    checks = [place for place, report in enumerate(of_host) if report["check_mode"]]
    if not checks or len(of_host) == checks[-1] + 1:
        print(f"no report of a check of {host} and of a run after it")
        return 2
    foretold, done = of_host[checks[-1] : checks[-1] + 2]
    different = compare_reports(foretold, done)
    print("\n".join([str(TALLY), *different]))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
