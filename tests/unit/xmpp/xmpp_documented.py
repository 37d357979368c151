"""What the documentation of a module says about its options, in the shape of an argument spec."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import add_fragments

PROJECT = Path(__file__).resolve().parents[3]


def documented_options(module: ModuleType) -> dict[str, Any]:
    """The options of a module's DOCUMENTATION with those of its fragments, as ansible-doc puts them together."""
    fragment_loader.add_directory(str(PROJECT / "doc_fragments"))
    documentation = yaml.safe_load(module.DOCUMENTATION)
    add_fragments(documentation, str(module.__file__), fragment_loader)
    return _as_spec(documentation["options"])


def without_no_log(spec: dict[str, Any]) -> dict[str, Any]:
    """An argument spec without what is not documented."""
    return {
        name: {
            key: without_no_log(value) if key == "options" else value
            for key, value in option.items()
            if key != "no_log"
        }
        for name, option in spec.items()
    }


def _as_spec(options: dict[str, Any]) -> dict[str, Any]:
    spec = {}
    for name, option in options.items():
        entry = {key: option[key] for key in ("type", "elements", "required", "default", "choices") if key in option}
        if "suboptions" in option:
            entry["options"] = _as_spec(option["suboptions"])
        spec[name] = entry
    return spec
