"""The lab's own programs know where its desks are, the unit tests how to render the real templates, those of WinRM how
to make a Windows PC up."""

from __future__ import annotations

import sys
from pathlib import Path

import predictions
import pytest

PROJECT = Path(__file__).resolve().parents[2]
sys.path += [
    str(PROJECT / "lab"),
    str(PROJECT / "tests" / "unit"),
    str(PROJECT / "tests" / "unit" / "library" / "im_profile_files"),
    str(PROJECT / "tests" / "winrm"),
]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how much of what ``--check`` foretold was held against the results, if anything was."""
    predictions.tell(terminalreporter.write_line)
