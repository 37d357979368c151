"""What becomes of one document: laid down or taken out, why it differed, and what to remember of it.

Pure: bytes and fragments in, bytes out. im_engine.py joins the documents of a group. Standard library only: the login
job carries this to the desks, whose Python may be 3.9.
"""

from __future__ import annotations

import base64
import fnmatch
import json
import posixpath
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .im_formats import FORMATS, Refused
from .im_formats.base import Format
from .im_model import Document

#: Actions on a document that write.
WRITTEN = ("created", "changed", "deleted")
MEMORY_SCHEMA = 1
#: Files that say one thing by being there: without them, it is their deletion that says what the user wants.
_ONE_CHOICE = ("launch_agent", "shell_link")
#: Items that are ours by their names, so that they can be taken out even when the memory is lost.
_OURS_BY_NAME = ("account ", "chat ", "room ")
#: The identity of an XMPP account, as the formats of the three clients give it.
_XMPP_ACCOUNT = re.compile(r"(?:account|chat) (\S+@\S+)")


@dataclass
class DocumentOutcome:
    """What becomes of one document.

    Attributes:
        path: relative to the home, absolute for the machine.
        action: unchanged, created, changed, deleted or refused.
        detail: why it is refused.
        before: bytes on the host, None when absent.
        after: bytes wanted, None when the file goes.
        format: name of its format.
        causes: item -> why it differs: "first" (never laid before), "wish" (we changed our mind), "user" or "client"
            (they changed it).
        findings: whose passwords stand in clear in it.
        accounts: bare JIDs of the XMPP accounts that it holds as it stands, casefolded.
        memory: what to remember of it; None when nothing new.
    """

    path: str
    action: str
    detail: str = ""
    before: bytes | None = None
    after: bytes | None = None
    format: str = ""
    causes: dict[str, str] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    memory: dict[str, Any] | None = None


class Asked(NamedTuple):
    """What is asked of one document.

    Attributes:
        document: which.
        path: where it is on this host.
        enforced: fragment whose values must hold.
        initial: fragment whose values are laid only where there is none.
        lives_on: something else of what we laid for the same client is still there, so that what is gone was taken away
            by itself, and not with the whole profile.
    """

    document: Document
    path: str
    enforced: str
    initial: str
    lives_on: bool = False

    @property
    def format(self) -> Format:
        """The format of the document."""
        return FORMATS[self.document.format]


def lay_down(asked: Asked, files: Mapping[str, Any], remembered: Mapping[str, Any]) -> DocumentOutcome:
    """Merge one document.

    Args:
        asked: what is asked of it.
        files: the host's answer, path -> entry (see im_profile_files).
        remembered: what recall() gave for its path.

    Returns:
        The outcome; refused when the document, or a sibling, cannot be read or merged.
    """
    return _decide(asked, files, remembered, _merge)


def take_out(asked: Asked, files: Mapping[str, Any], remembered: Mapping[str, Any]) -> DocumentOutcome:
    """Remove from one document what we created in it."""
    return _decide(asked, files, remembered, _remove)


def leave_alone(asked: Asked, files: Mapping[str, Any], remembered: Mapping[str, Any]) -> DocumentOutcome:
    """Read one document without wanting anything of it."""
    return _decide(asked, files, remembered, lambda done, *_: done.before)


def _decide(asked: Asked, files: Mapping[str, Any], remembered: Mapping[str, Any], change: Any) -> DocumentOutcome:
    entry = files.get(asked.path, {"absent": True, "creatable": True})
    done = DocumentOutcome(asked.path, "unchanged", format=asked.document.format)
    try:
        done.before = content_of(entry)
        siblings = siblings_of(asked.document, asked.path, files)
        done.after = change(done, asked, siblings, remembered)
        done.accounts = _accounts(asked, done.before, siblings)
    except Refused as refused:
        done.action, done.detail = "refused", str(refused)
        return done
    done.findings = asked.format.findings(done.before) if done.before is not None else []
    if done.after == done.before:
        return done
    done.action = "created" if done.before is None else "deleted" if done.after is None else "changed"
    if not entry.get("creatable" if done.before is None else "writable"):
        done.action, done.detail = "refused", f"it cannot be written ({entry.get('why') or 'not writable'})"
    return done


def _accounts(asked: Asked, content: bytes | None, siblings: Mapping[str, bytes]) -> list[str]:
    """The XMPP accounts of a document in which we ask for one; others hold none."""
    if content is None or not any(_XMPP_ACCOUNT.fullmatch(item) for item in asked.format.wanted(asked.enforced)):
        return []
    found = (
        _XMPP_ACCOUNT.fullmatch(item) for item, value in asked.format.items(content, siblings).items() if not value
    )
    return [match[1].casefold() for match in found if match]


def _merge(
    done: DocumentOutcome, asked: Asked, siblings: Mapping[str, bytes], remembered: Mapping[str, Any]
) -> bytes | None:
    """Merge; only when that changes something is the memory asked who changed what."""
    form, current = asked.format, done.before
    merged = form.merge(current, asked.enforced, asked.initial, siblings)
    if merged == current:
        return current
    there = form.items(current, siblings) if current is not None else {}
    enforced, initial = form.wanted(asked.enforced), form.wanted(asked.initial)
    laid: Mapping[str, str] = remembered.get("laid", {})
    if current is not None or (asked.lives_on and asked.document.format in _ONE_CHOICE):
        # A thing that is itself gone but enforced comes back whole, not without what was initial in it.
        whole = tuple(f"{item} " for item in enforced if item not in there)
        gone = frozenset(
            item
            for item in laid
            if item in initial and item not in enforced and item not in there and not item.startswith(whole)
        )
        if gone:
            merged = form.merge(current, asked.enforced, asked.initial, siblings, gone)
    after = form.items(merged, siblings) if merged else {}
    wanted = [item for item in after if item in enforced or item in initial]
    created = {item: after[item] for item in wanted if item not in there}
    done.memory = {
        "created": {**remembered.get("created", {}), **created},
        "laid": {**laid, **{item: after[item] for item in wanted}},
    }
    for item, value in after.items():
        if there.get(item) != value:
            done.causes[item] = "first" if item not in laid else "wish" if laid[item] == there.get(item) else "user"
    # No format has a document without a byte: that stands for no file.
    return merged or None


def _remove(
    done: DocumentOutcome, asked: Asked, siblings: Mapping[str, bytes], remembered: Mapping[str, Any]
) -> bytes | None:
    """Remove what we created; without the memory only things that are ours by their names, never a mere value."""
    if done.before is None:
        return None
    items = remembered.get("created")
    if items is None:
        wanted = {**asked.format.wanted(asked.initial), **asked.format.wanted(asked.enforced)}
        items = {item: "" for item, value in wanted.items() if not value and item.startswith(_OURS_BY_NAME)}
    return asked.format.remove(done.before, items, siblings)


def content_of(entry: Mapping[str, Any]) -> bytes | None:
    """Bytes of a file that was read, None when it is absent. An unreadable file is not an absent file."""
    if entry.get("absent"):
        return None
    if error := entry.get("error"):
        raise Refused("", f"it cannot be read ({error['message']})")
    # A Windows PC answers in gzip, .NET Framework writes no zlib: 32 more than the window's 15 bits take either.
    return zlib.decompress(base64.b64decode(entry["content"]), 47)


def siblings_of(document: Document, path: str, files: Mapping[str, Any]) -> dict[str, bytes]:
    """The files beside a document that its format needs, as far as they exist: relative path, or absolute -> bytes."""
    directory = posixpath.dirname(path)
    found: dict[str, bytes] = {}
    for sibling in document.siblings:
        pattern = sibling if sibling.startswith("/") else posixpath.join(directory, sibling)
        for name, entry in files.items():
            if name.count("/") == pattern.count("/") and fnmatch.fnmatchcase(name, pattern):
                try:
                    content = content_of(entry)
                except Refused as refused:
                    raise Refused(name, refused.what) from refused
                if content is not None:
                    found[name if sibling.startswith("/") else posixpath.relpath(name, directory)] = content
    return found


def recall(memory: str | None) -> dict[str, Any]:
    """What is remembered of each document of a group; nothing when the memory is lost or was tampered with."""
    try:
        recalled = json.loads(memory or "{}")
        documents = recalled.get("documents", {}) if recalled.get("schema") == MEMORY_SCHEMA else {}
        return {
            path: kept
            for path, kept in documents.items()
            if all(_is_items(kept.get(part, {})) for part in ("created", "laid"))
        }
    except (ValueError, AttributeError, RecursionError):
        return {}


def _is_items(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def remember(done: list[DocumentOutcome], memory: str | None) -> str:
    """The memory of a group after these outcomes, as text for the host to keep."""
    documents = recall(memory)
    documents.update({one.path: one.memory for one in done if one.memory})
    return json.dumps({"schema": MEMORY_SCHEMA, "documents": documents}, ensure_ascii=False, sort_keys=True)
