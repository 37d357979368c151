"""Read what a request asks for, as the person."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any

from .change import TEMP_NAME
from .errors import Trouble, trouble_of
from .opening import OPEN_FILE, check_regular, read_regular
from .running import Lookout
from .tree import Tree, split
from .wire import digest, pack, text


def read_request(tree: Tree, request: dict[str, Any], seen: dict[int, list[int]] | None) -> dict[str, Any]:
    """Return {running, files} of one request; raise Trouble if it cannot be told whether the client runs."""
    running = Lookout(tree, request, seen).look()
    files: dict[str, Any] = {}
    for path in request["paths"]:
        try:
            parts = split(path, absolute=tree.person.login is None)
            if b"*" not in path.encode("utf-8"):
                files[path] = report(tree, parts)
                continue
            found = tree.expand(parts)
        except Trouble as trouble:
            files[path] = {"error": trouble.as_answer()}
            continue
        for match in found:
            name = ("/" if tree.person.login is None else "") + text(b"/".join(match))
            try:
                if name.encode("utf-8") != name[:1].encode() * (tree.person.login is None) + b"/".join(match):
                    raise Trouble("bad_name", f"{name}: the name is not UTF-8")
                answer = report(tree, match)
            except Trouble as trouble:
                answer = {"error": trouble.as_answer()}
            if not answer.get("absent"):  # gone since it was listed
                files[name] = answer
    for path in request["system_paths"]:
        try:
            files[path] = report_system(tree, path)
        except Trouble as trouble:
            files[path] = {"error": trouble.as_answer()}
    return {"running": running, "files": files}


def report(tree: Tree, parts: list[bytes]) -> dict[str, Any]:
    """Return what a control node needs to know about one path of the tree."""
    with contextlib.closing(tree.locate(parts)) as spot:
        obstacle = tree.obstacle(spot)
        why = None if obstacle is None else obstacle.message
        if spot.found is None:
            return {"absent": True, "creatable": obstacle is None, "why": why}
        data, found = tree.read(spot)
        answer = described(data, found)
        answer["writable"] = obstacle is None
        if why is not None:
            answer["why"] = why
        if spot.real != parts:
            answer["real_path"] = ("/" if tree.person.login is None else "") + text(b"/".join(spot.real))
        if any(TEMP_NAME.fullmatch(os.fsencode(name)) for name in os.listdir(spot.directory)):
            answer["strays"] = True
        return answer


def report_system(tree: Tree, path: str) -> dict[str, Any]:
    """Return what stands at an absolute path of the system, read with the rights of the person."""
    name = b"/" + b"/".join(split(path, absolute=True))
    if b"*" in name:
        raise Trouble("bad_request", f"path {path!r}: no pattern in a path of the system")
    try:
        check_regular(os.stat(name), path)  # before opening: opening a device may have effects
    except FileNotFoundError:
        if os.path.islink(name):
            raise Trouble("link_dangling", f"{path}: a link that leads to nothing") from None
        return {"absent": True, "creatable": False, "why": f"{path}: a file of the system is only read"}
    except OSError as error:
        raise trouble_of(error, path) from None
    # Links in the directories of the system are the administrator's.
    data, found = read_regular(name, path, lambda opened: check_regular(opened, path), flags=OPEN_FILE & ~os.O_NOFOLLOW)
    tree.spend(len(data), path)
    return {**described(data, found), "writable": False, "why": f"{path}: a file of the system is only read"}


def described(data: bytes, found: os.stat_result) -> dict[str, Any]:
    """Return the part of an answer that every file that was read has."""
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    return {"content": pack(data), "sha256": digest(data), "size": len(data), "mode": mode}
