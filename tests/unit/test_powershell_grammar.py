"""Every .ps1, .psm1 and .psd1 is read by a grammar of Windows PowerShell 5.1, on machines that have no PowerShell too.

It knows the shape of the language only; tests/winrm holds the same files against ps1lint where that is on the PATH.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

PROJECT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path for folder in ("library", "module_utils", "roles", "tests") for path in (PROJECT / folder).rglob("*.ps*1")
)
#: What PowerShell reads and this grammar does not: several bare words as the value of a parameter. They are quoted for
#: it, which means the same; all else of a file is given to it as it stands.
BARE_WORDS = re.compile(r"( -\w+ )([A-Za-z][\w-]*(?:, ?[A-Za-z][\w-]*)+)")


def quoted(text: str) -> str:
    """The text with lists of bare words as lists of strings, each in its line."""
    return BARE_WORDS.sub(lambda found: found[1] + re.sub(r"[A-Za-z][\w-]*", r"'\g<0>'", found[2]), text)


def mistakes(text: str) -> list[str]:
    """Where the text is no PowerShell: line, and how it begins there."""
    found: list[str] = []

    def look(node: Node) -> None:
        if node.type == "ERROR" or node.is_missing:
            told = (node.text or b"").decode().partition("\n")[0]
            found.append(f"line {node.start_point.row + 1}: {told or f'{node.type} is missing'}")
        else:
            for child in node.children:
                if child.has_error:
                    look(child)

    look(Parser(Language(tree_sitter_powershell.language())).parse(text.encode()).root_node)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_grammar_reads_it(path: Path) -> None:
    assert mistakes(quoted(path.read_text(encoding="utf-8"))) == []


def test_our_files_are_found() -> None:
    names = {path.name for path in FILES}
    assert {
        "im_profile_files.ps1",
        "winget_package.ps1",
        "Ansible.ModuleUtils.ImNative.psm1",
        "CimCmdlets.psd1",
    } <= names


@pytest.mark.parametrize(
    "text",
    [
        "if ($a { }\n",
        "function f { param($x }\n",
        "foreach ($a in $b) { $a\n",
        "$x = 'abc\n",
        "Get-Item | | Out-Null\n",
        "$x = $a ? 1 : 2\n",  # only PowerShell 7 has this,
        "$x = $a ?? 3\n",  # and this
    ],
)
def test_what_is_no_windows_powershell_is_told(text: str) -> None:
    assert mistakes(quoted(f"$before = 1\n{text}"))[0]


def test_bare_words_are_still_what_the_grammar_does_not_know() -> None:
    """Once a newer one does, nothing is quoted for it any more."""
    text = "Get-Thing -Property Name, Handle\n"
    assert mistakes(text)
    assert quoted(text) == "Get-Thing -Property 'Name', 'Handle'\n"
    assert mistakes(quoted(text)) == []
