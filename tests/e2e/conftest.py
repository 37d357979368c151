"""The lab's own programs are on the path: they know where its hosts are.

The last line of a run tells how much of what ``--check`` foretold was held against the results.
"""

from __future__ import annotations

import sys
from pathlib import Path

import predictions
import pytest

PROJECT = Path(__file__).resolve().parents[2]
# Beside the lab, the made-up Windows PCs of the tests of WinRM.
sys.path += [str(PROJECT / "lab"), str(PROJECT / "tests" / "winrm")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figure, if anything was compared."""
    predictions.tell(terminalreporter.write_line)
