"""requirements.yml names the collections that the pinned ansible package bundles."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import ansible
import yaml
from rendering import PROJECT

BUNDLED = Path(ansible.__file__).parents[1] / "ansible_collections"


def test_each_required_collection_is_the_bundled_one() -> None:
    wanted = yaml.safe_load((PROJECT / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert wanted
    for collection in wanted:
        manifest = BUNDLED / collection["name"].replace(".", "/") / "MANIFEST.json"
        bundled = yaml.safe_load(manifest.read_text(encoding="utf-8"))["collection_info"]["version"]
        assert collection["version"] == bundled, collection["name"]


def test_the_installed_packages_are_the_pinned_ones() -> None:
    for line in (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if "==" in line:
            name, pinned = line.split("==")
            assert version(name) == pinned
