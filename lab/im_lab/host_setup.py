"""Install on this machine what the lab needs, from Debian's or Ubuntu's own packages."""

import os
import shutil
from pathlib import Path

from .engine import run
from .settings import LabError

# Program (or file) whose presence shows that the package is there.
PACKAGES = {
    "podman": "podman",
    "runc": "runc",
    "netavark": "/usr/lib/podman/netavark",
    "aardvark-dns": "/usr/lib/podman/aardvark-dns",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "debian-archive-keyring": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "openssh-client": "ssh",
    "openssl": "openssl",
    "ca-certificates": "update-ca-certificates",
    "python3-venv": "/usr/share/python-wheels",
    # community.general.ldap_search of playbooks/directory.yml runs with the system's Python.
    "python3-ldap": "/usr/lib/python3/dist-packages/ldap",
}
# A developer who is not root runs podman in a user namespace.
ROOTLESS_PACKAGES = {"uidmap": "newuidmap", "slirp4netns": "slirp4netns", "fuse-overlayfs": "fuse-overlayfs"}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing_packages() -> list[str]:
    """The packages that this machine lacks."""
    wanted = PACKAGES if os.geteuid() == 0 else PACKAGES | ROOTLESS_PACKAGES
    return [package for package, sign in wanted.items() if not _is_there(sign)]


def setup_host() -> None:
    """Install what is missing, saying so; say nothing when all is there. LabError where this machine has no apt."""
    missing = missing_packages()
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise LabError(f"this machine has no apt; install with its own means: {', '.join(missing)}")
    become = [] if os.geteuid() == 0 else ["sudo"]
    print(f"installing {', '.join(missing)}", flush=True)
    run([*become, "apt-get", "update", "-q"])
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y", "--no-install-recommends"]
    run([*become, *install, *missing])


def _is_there(sign: str) -> bool:
    if sign.startswith("/"):
        return Path(sign).exists()
    return shutil.which(sign, path=SYSTEM_PATH) is not None
