"""The comparison that the tests against the lab rely on sees every difference between a check and its run."""

from __future__ import annotations

import copy
from typing import Any

import predictions
import pytest

DIFF = "--- before: pc:~a/.purple/{}\n+++ after: pc:~a/.purple/{}\n@@ -0,0 +1 @@\n+{}\n\n"
WRITTEN = "        a@b, salons : r@c: bookmark added\n"
ON_SERVER = "--- before: a@b\n+++ after: a@b\n@@ -0,0 +1 @@\n+r@c\n\n"
RECAP = "pc                         : ok=6    changed={}    unreachable=0    failed=0\n"


@pytest.fixture(autouse=True)
def tally(monkeypatch: pytest.MonkeyPatch) -> predictions.Tally:
    """Counts of one test only."""
    fresh = predictions.Tally()
    monkeypatch.setattr(predictions, "TALLY", fresh)
    return fresh


def run(version: str | None = "2.14.12", content: str = "x", changed: int = 2) -> predictions.Run:
    """A run, or its check, of one seat with two documents of its own and one of the machine."""
    paths = ("/etc/ca.crt", ".purple/accounts.xml", ".purple/prefs.xml")
    documents = [{"path": path, "action": "created", "detail": "", "causes": {"it": "first"}} for path in paths]
    row = {"host": "pc", "login": "a", "client": "pidgin", "version": version, "state": "changed", "detail": ""}
    printed = DIFF.format("accounts.xml", "accounts.xml", "y") + DIFF.format("prefs.xml", "prefs.xml", content)
    report = {"accounts": [{"jid": "a@b", "verdict": "ok"}], "rows": [{**row, "documents": documents}]}
    return predictions.Run(printed + RECAP.format(changed), 0, report)


def altered(what: str, value: Any) -> predictions.Run:
    """A run one of whose facts is another: of its row, of its document "accounts.xml", or of its account."""
    other = run()
    report: Any = copy.deepcopy(other.report)
    row = report["rows"][0]
    for place in (row, row["documents"][1], report["accounts"][0]):
        if what in place:
            place[what] = value
            return predictions.Run(other.printed, other.code, report)
    raise AssertionError(what)


def test_what_came_true_is_counted(tally: predictions.Tally) -> None:
    assert predictions.compare(run(changed=1), run()) == []
    assert (tally.runs, tally.rows, tally.documents, tally.diffs) == (1, 1, 3, 2)
    assert "1 runs foretold by --check: 3 (scenario, document) predictions" in str(tally)


@pytest.mark.parametrize(
    ("done", "told"),
    [
        (altered("state", "failed"), "foretold 'changed', found 'failed'"),
        (altered("action", "unchanged"), ".purple/accounts.xml: foretold"),
        (altered("causes", {"it": "user"}), ".purple/accounts.xml: foretold"),
        (altered("version", "2.15"), "found '2.15'"),
        (altered("verdict", "auth_failed"), "accounts: foretold"),
        (altered("documents", []), "found 'nothing'"),
        (run(content="z"), "diff: pc:~a/.purple/prefs.xml: foretold"),
        (run(changed=0), "changed: pc: foretold True, found False"),
        (
            predictions.Run(run().printed + WRITTEN, 0, run().report),
            "server: a@b, salons : r@c: bookmark added: foretold",
        ),
        (predictions.Run(run().printed + ON_SERVER, 0, run().report), "server: 0 a@b: foretold"),
        (predictions.Run(run().printed, 2, run().report), "exit code: foretold 0, found 2"),
        (predictions.Run("", 0, None), "only one of the two came to a report"),
    ],
)
def test_any_difference_is_told(done: predictions.Run, told: str) -> None:
    different = predictions.compare(run(), done)
    assert told in "\n".join(different)


def test_before_the_installation_neither_version_nor_what_the_package_begins_is_compared(
    tally: predictions.Tally,
) -> None:
    assert predictions.compare(run(version=None, content="with the package"), run()) == []
    assert tally.not_installed == 1
    assert predictions.compare(run(version=None), altered("action", "unchanged"))


def test_the_rows_of_a_rollback_are_compared_by_document(tally: predictions.Tally) -> None:
    lines = ["poste  session  document   résultat", "pc     a        .purple/a  {}", "pc     a        b          ok"]
    table = "".join(f"    {line}\n" for line in lines) + "\n"
    shown = [predictions.Run(table.format(result), 0, None) for result in ("remis comme avant", "modifié depuis")]
    assert predictions.compare(shown[0], shown[0]) == []
    assert tally.documents == 2
    assert predictions.compare(*shown) == [
        "rollback: pc a .purple/a: foretold 'remis comme avant', found 'modifié depuis'"
    ]


def test_what_a_check_leaves_on_a_desk_is_told_by_name() -> None:
    assert predictions.left_behind({"pc": "/home/a f\n"}, {"pc": "/home/a f\n/home/b f\n"}) == [
        "the check itself changed pc: /home/b f"
    ]
