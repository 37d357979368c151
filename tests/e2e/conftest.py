"""The last line of a run of these tests: how much of what ``--check`` foretold was held against the results."""

from __future__ import annotations

import predictions
import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figure, if anything was compared."""
    if predictions.TALLY.runs:
        terminalreporter.write_line(str(predictions.TALLY))
