"""How many examples the randomised tests try, from which seed, and how many it were.

The profile is named by the environment variable HYPOTHESIS_PROFILE. "ci", the default, tries the same examples each
time; "nightly" tries fifty times as many in every randomised test of the run, from a seed that it draws and prints
(HYPOTHESIS_SEED=<number> repeats one).

A test shows a count of its own at the end of the run with ``record_property("tried: <of what>", <count>)``.
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
EXAMPLES_IN_CI = 2_000
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
SEED = int(os.environ.get("HYPOTHESIS_SEED", random.SystemRandom().getrandbits(32))) if PROFILE != "ci" else None

for _name, _times in LONGER.items():
    settings.register_profile(
        _name,
        max_examples=EXAMPLES_IN_CI * _times,
        derandomize=_name == "ci",
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
# All others have hypothesis' own settings, but for its limit of time (machines are shared) and, in CI, its seed.
settings.register_profile("untimed", deadline=None, derandomize=PROFILE == "ci")
settings.load_profile("untimed")
#: Where hypothesis keeps the settings of a test; its own pytest plugin reads them there.
_SETTINGS_OF_A_TEST = "_hypothesis_internal_use_settings"
#: How the names begin under which a test's report carries a count, also from a worker of pytest-xdist.
_TRIED = "tried: "


class Tried:
    """The examples that one test was tried with."""

    def __init__(self, things: str) -> None:
        self._things = things
        self.examples = 0
        self.refused = 0
        self._different: set[int] = set()

    def note(self, *example: object) -> None:
        self.examples += 1
        self._different.add(hash(example))

    def __str__(self) -> str:
        return f"{self.examples:,} {self._things}, {len(self._different):,} different, {self.refused:,} refused"


@pytest.fixture
def randomised() -> Callable[..., Callable[[Any], Any]]:
    """Decorator for a randomised test inside of a test: randomised() or, for so many in CI, randomised(60)."""

    def with_examples(in_ci: int = EXAMPLES_IN_CI) -> Callable[[Any], Any]:
        chosen = settings(settings.get_profile(PROFILE), max_examples=in_ci * LONGER[PROFILE])
        return lambda test: chosen(test) if SEED is None else hypothesis.seed(SEED)(chosen(test))

    return with_examples


@pytest.fixture
def tried(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[Tried]:
    """Count of the examples of the test, shown at the end of the run: for a test about a format, pairs of it."""
    of_a_format = "name" in request.fixturenames
    count = Tried("pairs" if of_a_format else "examples")
    yield count
    kind = "documents and fragments" if of_a_format else request.path.stem.removeprefix("test_")
    name = request.getfixturevalue("name") if of_a_format else request.function.__name__.removeprefix("test_")
    record_property(_TRIED + kind, f"{name}: {count}")


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
    counts = sorted({(str(name), str(text)) for name, text in properties if str(name).startswith(_TRIED)})
    if counts:
        seed = "the same examples each time" if SEED is None else f"HYPOTHESIS_SEED={SEED}"
        terminalreporter.section(f"tried: profile {PROFILE}, {seed}")
    for name, text in counts:
        terminalreporter.write_line(f"{name.removeprefix(_TRIED)}: {text}")
