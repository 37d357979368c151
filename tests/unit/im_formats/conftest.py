"""How many examples the randomised tests try, from which seed, and how many it were.

The profile is named by the environment variable HYPOTHESIS_PROFILE. "ci", the default, tries the same examples each
time; "nightly" tries fifty times as many in every randomised test of the run, from a seed that it draws and prints
(HYPOTHESIS_SEED=<number> repeats one).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, settings

LONGER = {"ci": 1, "nightly": 50}
PAIRS_IN_CI = 2_000
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
SEED = int(os.environ.get("HYPOTHESIS_SEED", random.SystemRandom().getrandbits(32))) if PROFILE != "ci" else None

for _name, _times in LONGER.items():
    settings.register_profile(
        _name,
        max_examples=PAIRS_IN_CI * _times,
        derandomize=_name == "ci",
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
#: Where hypothesis keeps the settings of a test; its own pytest plugin reads them there.
_SETTINGS_OF_A_TEST = "_hypothesis_internal_use_settings"
#: Name under which a test's report carries its count, also from a worker of pytest-xdist.
_TRIED = "documents and fragments tried"


class Tried:
    """The pairs that one format was tried with."""

    def __init__(self) -> None:
        self.pairs = 0
        self.refused = 0
        self._different: set[int] = set()

    def note(self, *pair: object) -> None:
        self.pairs += 1
        self._different.add(hash(pair))

    def __str__(self) -> str:
        return f"{self.pairs:,} pairs, {len(self._different):,} different, {self.refused:,} refused"


@pytest.fixture
def randomised() -> Callable[..., Callable[[Any], Any]]:
    """Decorator for a randomised test inside of a test: randomised() for pairs, randomised(60) for so many in CI."""

    def with_examples(in_ci: int = PAIRS_IN_CI) -> Callable[[Any], Any]:
        chosen = settings(settings.get_profile(PROFILE), max_examples=in_ci * LONGER[PROFILE])
        return lambda test: chosen(test) if SEED is None else hypothesis.seed(SEED)(chosen(test))

    return with_examples


@pytest.fixture
def tried(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[Tried]:
    """Count of the pairs of the format that the test is about, shown at the end of the run."""
    count = Tried()
    yield count
    record_property(_TRIED, f"{request.getfixturevalue('name')}: {count}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make the randomised tests of the whole run longer, and have them start from our seed."""
    if SEED is None:
        return
    functions: set[Any] = {getattr(item, "obj", None) for item in items}
    for test in {getattr(function, "__func__", function) for function in functions}:
        if not hypothesis.is_hypothesis_test(test):
            continue
        known: settings = getattr(test, _SETTINGS_OF_A_TEST, settings())
        setattr(test, _SETTINGS_OF_A_TEST, settings(known, max_examples=known.max_examples * LONGER[PROFILE]))
        hypothesis.seed(SEED)(test)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for listed in terminalreporter.stats.values() for report in listed]
    properties = [one for report in reports for one in getattr(report, "user_properties", [])]
    if counts := sorted({str(text) for name, text in properties if name == _TRIED}):
        seed = "the same examples each time" if SEED is None else f"HYPOTHESIS_SEED={SEED}"
        terminalreporter.section(f"{_TRIED}: profile {PROFILE}, {seed}")
        for text in counts:
            terminalreporter.write_line(text)
