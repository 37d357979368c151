"""Pack the login job as one file that any Python 3.9 runs: the job, the engine, the formats, the hands on the files.

The same sources give the same bytes, so that a desk keeps what it has until the code changes.
"""

from __future__ import annotations

import ast
import functools
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = "im_client_job"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date that a zip can hold

_MAIN = f'''\
"""Apply what waited for the messaging client to be closed, and serve first logins. Laid down by im_client."""
import sys

from {PACKAGE} import im_first_login_job, im_login_job
from {PACKAGE}.im_desk import calls

sys.exit(im_login_job.main(calls, first_login=im_first_login_job.serve))
'''


@functools.cache
def login_job() -> bytes:
    """Build the zipapp.

    Raises:
        ValueError: a module of it imports what a desk does not have.
    """
    sources = {f"{PACKAGE}/__init__.py": "", "__main__.py": _MAIN}
    for first in ("im_login_job.py", "im_first_login_job.py", "im_desk/__init__.py", "im_desk/calls.py"):
        for name, source in _with_imports(first).items():
            sources[f"{PACKAGE}/{name}"] = source
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(sources):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), sources[name], zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _with_imports(first: str) -> dict[str, str]:
    """Path below module_utils -> source, of a module and all that it imports from there."""
    sources: dict[str, str] = {}
    waiting = [first]
    while waiting:
        path = waiting.pop()
        if path not in sources:
            sources[path] = (PROJECT / "module_utils" / path).read_text(encoding="utf-8")
            tree = ast.parse(sources[path])
            _check_imports(path, tree)
            waiting += _relative_imports(path, tree)
    return sources


def _relative_imports(path: str, tree: ast.Module) -> Iterator[str]:
    """Every file below module_utils that a module's relative imports may mean, the packages around it included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = Path(path)
            for _ in range(node.level):
                base = base.parent
            target = base.joinpath(*(node.module.split(".") if node.module else ()))
            for name in [target, *(target / alias.name for alias in node.names)]:
                for found in (
                    name.with_suffix(".py"),
                    *(above / "__init__.py" for above in [name, *name.parents[:-1]]),
                ):
                    if (PROJECT / "module_utils" / found).is_file():
                        yield found.as_posix()


def _check_imports(path: str, tree: ast.Module) -> None:
    """Refuse what is imported at once (not inside a function) and is not in the standard library."""
    for node in tree.body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                raise ValueError(f"{path}: imports {name}, which a desk does not have; the login job cannot carry it")
