"""Images made from Debian's packages on this machine: no registry of images is asked for anything."""

import hashlib
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .engine import Engine, run
from .settings import LAB_DIR, Settings

REPOSITORY = "localhost/im-lab"

# Test hosts need no documentation, and a power cut in the middle of an installation only costs a new host.
DPKG_OPTIONS = [
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/help/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/fr/*",
    "path-include=/usr/share/locale/locale.alias",
]

# When Debian drops a release, its security archive loses packages that its lists still name. Its last point release
# stays whole. mmdebstrap runs this when the list of sources is written and nothing is fetched yet.
NO_SECURITY_HOOK = '--setup-hook=sed -i /-security/d "$1"/etc/apt/sources.list'

# Debian's unstable says of its lists that they are good for a week, which a mirror that lags behind does not keep to.
STALE_LISTS = 'Acquire::Check-Valid-Until "false"'


def recipe(settings: Settings, image: str) -> dict[str, Any]:
    """Everything that an image is made of, as a JSON document."""
    row = settings.table["images"][image]
    kind = settings.table["kinds"][row["kind"]]
    used = {name: (LAB_DIR / "images" / name).read_text(encoding="utf-8") for name in kind.get("uses", ())}
    return {
        "suite": row["suite"],
        "security": row.get("security", True),
        "packages": [*kind["packages"], *row.get("packages", ())],
        **({} if row.get("valid_until", True) else {"apt": [STALE_LISTS]}),
        "command": kind["command"],
        "script": (LAB_DIR / "images" / row["kind"]).read_text(encoding="utf-8"),
        "logins": settings.table["logins"],
        "dpkg": DPKG_OPTIONS,
        **({"uses": used} if used else {}),
    }


def tag(settings: Settings, image: str) -> str:
    """Full name of an image; it changes with the recipe, so an image of that name is always the right one."""
    digest = hashlib.sha256(json.dumps(recipe(settings, image), sort_keys=True).encode()).hexdigest()
    return f"{REPOSITORY}/{image}:{digest[:12]}"


def build_missing(settings: Settings, engine: Engine, tags: set[str]) -> bool:
    """Build those of these images that the store lacks, side by side, saying so; return whether there were any."""
    wanted = [name for name in settings.table["images"] if tag(settings, name) in tags]
    missing = [name for name in wanted if not engine.image_exists(tag(settings, name))]
    if not missing:
        return False
    print(f"building images from Debian's packages: {', '.join(missing)}", flush=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name in pool.map(lambda name: _build(settings, engine, name), missing):
            print(f"  {name}: done", flush=True)
    return True


def forget_older(settings: Settings, engine: Engine) -> None:
    """Remove images that earlier recipes made, as far as no container stands on them."""
    current = {tag(settings, name) for name in settings.table["images"]}
    families = {each.rpartition(":")[0] for each in current}
    for each in engine.podman("images", "--format", "{{.Repository}}:{{.Tag}}").split():
        if each not in current and each.rpartition(":")[0] in families:
            engine.podman("rmi", each, check=False)


def _build(settings: Settings, engine: Engine, image: str) -> str:
    made_of = recipe(settings, image)
    kind = settings.table["images"][image]["kind"]
    environment = dict(
        os.environ,
        LAB_SUITE=made_of["suite"],
        LAB_LOGINS="\n".join(f"{login}:{name}" for login, name in made_of["logins"].items()),
    )
    settings.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.cache) as scratch:
        root = Path(scratch) / "root.tar"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(made_of['packages'])}"]
        command += [f"--dpkgopt={option}" for option in made_of["dpkg"]]
        command += [f"--aptopt={option}" for option in made_of.get("apt", ())]
        if not made_of["security"]:
            command += [NO_SECURITY_HOOK]
        command += [f"--customize-hook={LAB_DIR / 'images' / kind}", made_of["suite"], str(root)]
        # Without a mirror's name mmdebstrap takes Debian's own, with security and updates.
        run(command, environment=environment)
        start = json.dumps(made_of["command"])
        engine.podman("import", "--quiet", "--change", f"CMD {start}", str(root), tag(settings, image))
    return image
