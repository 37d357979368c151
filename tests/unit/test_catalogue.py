"""The catalogue of texts: both languages say the same things with the same values."""

from __future__ import annotations

import string

import pytest
from ansible.module_utils.im_catalogue import LANGUAGES, text
from ansible.module_utils.xmpp.problems import VERDICTS

KEYS = sorted(set().union(*LANGUAGES.values()))


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_french_and_english_have_the_same_keys() -> None:
    assert set(LANGUAGES) == {"fr", "en"}
    assert set(LANGUAGES["fr"]) == set(LANGUAGES["en"])


@pytest.mark.parametrize("key", KEYS)
def test_a_text_is_not_empty_and_takes_the_same_named_values_in_both_languages(key: str) -> None:
    french, english = LANGUAGES["fr"][key], LANGUAGES["en"][key]
    assert french.strip()
    assert english.strip()
    assert placeholders(french) == placeholders(english)
    assert all(name.isidentifier() for name in placeholders(french))


def test_a_text_is_filled_in_the_language_that_was_asked_for() -> None:
    assert text("verdict.ok") == LANGUAGES["fr"]["verdict.ok"]
    assert text("verdict.ok", "en") == LANGUAGES["en"]["verdict.ok"]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_verdict_has_one_sentence_and_no_sentence_is_left_without_a_verdict(language: str) -> None:
    hints = {key.removeprefix("verdict."): hint for key, hint in LANGUAGES[language].items() if "verdict." in key[:8]}
    assert set(hints) == VERDICTS
    assert all(hint.endswith(".") and "\n" not in hint for hint in hints.values())
    assert len(set(hints.values())) == len(hints), "two verdicts must not read alike"
