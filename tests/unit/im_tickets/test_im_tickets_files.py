"""Tickets out of files, answers into files."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.im_tickets.files import FileTickets
from ansible.module_utils.im_tickets.marker import reference
from ansible.module_utils.im_tickets.problems import TicketProblem
from ansible.module_utils.im_tickets.system import Answer
from ansible.module_utils.im_tickets.ticket import Found, Ticket
from hypothesis import given
from hypothesis import strategies as st

#: What conftest.randomised gives.
Randomised = Callable[..., Callable[[Any], Any]]

HOSTILE = 'Zoë O\'Brien & "Co" <x> \\ `'
YAML = """
numero: 0042
demandeur: zoe.obrien
poste: pc-12
logiciel: Gajim
site: Bibliothèque
échéance: 2026-12-01
session: zobrien
"""
TICKET = Ticket("0042", "zoe.obrien", "pc-12", "gajim", "Bibliothèque", "2026-12-01", "zobrien")
CSV = (
    "Numéro;Demandeur;Poste;Logiciel;Site;Échéance;Session;Urgence\r\n"
    "0042;zoe.obrien;pc-12;Gajim;Bibliothèque;01/12/2026;zobrien;3\r\n"
)


def tickets(tmp_path: Path, name: str, content: str | bytes) -> FileTickets:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return FileTickets(path, tmp_path / "answers", "fr")


def code_of(system: FileTickets, number: str = "0042") -> str:
    with pytest.raises(TicketProblem) as caught:
        system.read(number)
    assert caught.value.sentences("fr") and caught.value.sentences("en")
    return str(caught.value.mistakes[0].code)


def test_a_yaml_mapping_is_one_ticket_and_its_texts_stay_texts(tmp_path: Path) -> None:
    system = tickets(tmp_path, "t.yml", YAML)
    assert system.waiting() == ["0042"]
    assert system.read("0042") == Found(TICKET, ())


def test_a_yaml_list_and_json_hold_several(tmp_path: Path) -> None:
    entry = {"number": "1", "requester": "a.b", "machine": "pc", "client": "pidgin"}
    for name in ("t.yaml", "t.json"):
        system = tickets(tmp_path, name, json.dumps([entry, {**entry, "number": "2"}]))
        assert system.waiting() == ["1", "2"]
        assert system.read("2").ticket == Ticket("2", "a.b", "pc", "pidgin")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_csv_file_of_a_french_spreadsheet_is_read_in_its_encoding(encoding: str, tmp_path: Path) -> None:
    assert tickets(tmp_path, "t.csv", CSV.encode(encoding)).read("0042") == Found(TICKET, ("urgence",))


def test_a_csv_file_with_english_names_and_commas_is_read_too(tmp_path: Path) -> None:
    system = tickets(tmp_path, "t.CSV", "number,requester,machine,client\n1,a.b,pc,thunderbird\n2,c.d,pd,gajim\n")
    assert system.waiting() == ["1", "2"]
    assert system.read("2").ticket == Ticket("2", "c.d", "pd", "gajim")


def test_what_else_stands_in_a_ticket_is_named_once_and_not_looked_at(tmp_path: Path) -> None:
    more = YAML + 'commande: rm -rf /\nvars: {ansible_become: true}\n"{{ x }}": [1, 2]\n'
    found = tickets(tmp_path, "t.yml", more).read("0042")
    assert found == Found(TICKET, ("commande", "vars", "{{ x }}"))


def test_a_wrong_row_does_not_keep_a_good_one_from_being_read(tmp_path: Path) -> None:
    system = tickets(tmp_path, "t.csv", "numero;demandeur;poste;logiciel\n1;a.b;pc;Gajim ou Pidgin\n2;a.b;pc;gajim\n")
    assert system.waiting() == ["1", "2"]
    assert system.read("2").ticket.client == "gajim"
    assert code_of(system, "1") == "client"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("t.yml", "", "no_tickets"),
        ("t.yml", "[]", "no_tickets"),
        ("t.yml", "just text", "bad_yaml"),
        ("t.yml", "- a\n- b", "bad_yaml"),
        ("t.yml", "a: [", "bad_yaml"),
        ("t.yml", "a: 1\n---\nb: 2", "bad_yaml"),
        ("t.yml", YAML + "numero: 0043\n", "bad_yaml"),
        ("t.yml", YAML + "number: 0043\n", "name_twice"),
        ("t.yml", "[" * 1500, "bad_yaml"),
        ("t.yml", "numero: \0", "bad_yaml"),
        ("t.yml", "poste: pc-12", "missing"),
        ("t.yml", "numero: [1]", "missing"),
        ("t.yml", "numero: ../../etc", "number"),
        ("t.yml", "#" * 300_000, "too_long"),
        ("t.yml", "#" * 1_100_000, "too_long"),
        ("t.yml", YAML.replace("0042", "0043"), "unknown_number"),
        ("t.yml", b"\xff\xfe\x00", "bad_yaml"),
        ("t.csv", "", "no_tickets"),
        ("t.csv", "numero;poste\n", "no_tickets"),
        ("t.csv", "poste;logiciel\npc;gajim\n", "missing"),
        ("t.csv", "numero;poste\n1;a;b\n", "bad_csv"),
        ("t.csv", "numero;Numéro\n1;2\n", "name_twice"),
        ("t.csv", "numero;numero\n1;2\n", "bad_csv"),
        ("t.csv", 'numero;poste\n1;"a\n', "bad_csv"),
        ("t.csv", "numero;poste\n1;a\n1;b\n", "number_twice"),
        ("t.csv", "numero;poste\n0042;a\0b\n", "missing"),
        ("t.txt", YAML, "file_kind"),
        ("t", YAML, "file_kind"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(name: str, content: str | bytes, code: str, tmp_path: Path) -> None:
    assert code_of(tickets(tmp_path, name, content)) == code


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    assert code_of(FileTickets(tmp_path / "none.yml", tmp_path, "fr")) == "file_unreadable"
    assert code_of(FileTickets(tmp_path, tmp_path, "fr")) == "file_unreadable"
    assert code_of(FileTickets(None, tmp_path, "fr")) == "no_file"


def test_a_tag_of_yaml_makes_nothing_but_text(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    tagged = YAML.replace("pc-12", f"!!python/object/apply:os.system ['touch {witness}']")
    assert code_of(tickets(tmp_path, "t.yml", tagged)) == "missing"
    assert not witness.exists()


def test_aliases_that_multiply_cost_nothing(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    found = tickets(tmp_path, "t.yml", YAML + bomb).read("0042")
    assert found.ticket == TICKET
    assert len(found.ignored) == 20


def test_any_bytes_are_read_or_refused(tmp_path: Path, randomised: Randomised, tried: Any) -> None:
    signs = [
        "numero",
        "poste",
        ": ",
        "\n",
        "- ",
        "'",
        '"',
        "[",
        "{",
        "*a",
        "&a ",
        "!!str ",
        ";",
        "gajim",
        "\ufeff",
        "\0",
    ]
    damage = st.sampled_from(signs) | st.text(max_size=5)

    @randomised(400)
    @given(st.data())
    def check(data: Any) -> None:
        name, whole = data.draw(st.sampled_from([("t.yml", YAML), ("t.csv", CSV)]))
        for _ in range(data.draw(st.integers(0, 2))):
            place = data.draw(st.integers(0, len(whole)))
            whole = whole[:place] + data.draw(damage) + whole[place + data.draw(st.integers(0, 3)) :]
        content = whole.encode("utf-8", "replace") + data.draw(st.sampled_from([b"", b"", b"", b"\xff", b"\0", b"\n"]))
        tried.note(name, content)
        system = tickets(tmp_path, name, content)
        try:
            for number in system.waiting():
                assert system.read(number).ticket.number == number
        except TicketProblem as problem:
            tried.refused += 1
            assert problem.sentences("fr") and problem.sentences("en")

    check()


def said(tmp_path: Path, name: str = "suivi-public.md") -> str:
    return (tmp_path / "answers" / "0042" / name).read_text()


@pytest.fixture
def system(tmp_path: Path) -> FileTickets:
    return tickets(tmp_path, "t.yml", YAML)


def test_both_answers_are_written_for_their_owner_alone(system: FileTickets, tmp_path: Path) -> None:
    done = system.answer("0042", Answer(f"Bonjour {HOSTILE},\nc'est prêt.\n", "durée 12 s", "ok"), check=False)
    assert [addition.kind for addition in done.additions] == ["public", "private"]
    assert said(tmp_path) == f"Bonjour {HOSTILE},\nc'est prêt.\n\nRéférence : {reference('0042', 'public', 'ok')}\n"
    assert said(tmp_path, "suivi-prive.md").startswith("durée 12 s\n")
    place = tmp_path / "answers" / "0042"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()} == {0o600}


def test_the_same_state_is_not_told_again_even_in_other_words(system: FileTickets, tmp_path: Path) -> None:
    system.answer("0042", Answer("prêt", "durée 12 s", "ok"), check=False)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "answers" / "0042").iterdir()}
    assert system.answer("0042", Answer("prêt", "durée 13 s", "ok"), check=False).additions == ()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "answers" / "0042").iterdir()} == before
    assert "12 s" in said(tmp_path, "suivi-prive.md")


def test_without_a_state_the_public_words_are_the_state(system: FileTickets) -> None:
    assert len(system.answer("0042", Answer("prêt", "durée 12 s"), check=False).additions) == 2
    assert system.answer("0042", Answer("prêt", "durée 13 s"), check=False).additions == ()
    assert len(system.answer("0042", Answer("pas prêt", "durée 13 s"), check=False).additions) == 2


def test_another_state_is_told_and_earlier_answers_are_kept(system: FileTickets, tmp_path: Path) -> None:
    for state in ("deferred", "ok", "deferred"):
        assert (
            len(system.answer("0042", Answer(f"public {state}", f"privé {state}", state), check=False).additions) == 2
        )
    assert said(tmp_path).startswith("public deferred\n")
    assert said(tmp_path, "suivi-public.1.md").startswith("public deferred\n")
    assert said(tmp_path, "suivi-public.2.md").startswith("public ok\n")
    assert said(tmp_path, "suivi-prive.2.md").startswith("privé ok\n")
    assert len(list((tmp_path / "answers" / "0042").iterdir())) == 6


def test_what_a_colleague_wrote_into_an_answer_is_kept(system: FileTickets, tmp_path: Path) -> None:
    path = tmp_path / "answers" / "0042" / "suivi-public.md"
    path.parent.mkdir(parents=True)
    path.write_text("écrit à la main")
    system.answer("0042", Answer("prêt", "", "ok"), check=False)
    assert said(tmp_path, "suivi-public.1.md") == "écrit à la main"
    path.write_text(said(tmp_path) + "et complété\n")
    assert system.answer("0042", Answer("prêt", "", "ok"), check=False).additions == ()
    assert said(tmp_path).endswith("et complété\n")


def test_check_foretells_what_is_written_and_writes_nothing(system: FileTickets, tmp_path: Path) -> None:
    answer = Answer("prêt", "note", "ok", solve=True)
    foretold = system.answer("0042", answer, check=True)
    assert not (tmp_path / "answers").exists()
    assert system.answer("0042", answer, check=False) == foretold
    assert said(tmp_path) == foretold.additions[0].after
    assert system.answer("0042", answer, check=True).additions == ()


@pytest.mark.parametrize("number", ["../../etc", "/etc", "", "a/../..", "0042\0"])
def test_a_number_never_leads_out_of_the_directory(number: str, system: FileTickets, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(TicketProblem):
        system.answer(number, Answer("x", "y", "z"), check=False)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_answer_that_cannot_be_written_is_told_and_the_old_one_stays(
    system: FileTickets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.answer("0042", Answer("un", "", "a"), check=False)
    before = said(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TicketProblem) as caught:
        system.answer("0042", Answer("deux", "", "b"), check=False)
    assert caught.value.mistakes[0].code == "answer_unwritten"
    assert said(tmp_path) == before
    assert not list((tmp_path / "answers" / "0042").glob(".*"))


def test_a_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("")
    with pytest.raises(TicketProblem) as caught:
        tickets(tmp_path, "t.yml", YAML).answer("0042", Answer("x", "", "z"), check=False)
    assert caught.value.mistakes[0].code == "answer_unwritten"
