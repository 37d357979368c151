"""What a site wishes of packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Wishes(NamedTuple):
    """What the site says of packages.

    Attributes:
        versions: client -> the one version that it is to have; ``*`` stands for anything.
        latest: clients that are to be the newest that there is.
        sources: client -> "distribution" or a key of the answers' ``sources``.
        brew_user: who runs brew; "" for the owner of its prefix.
        installers: client -> the vendor's installer for Windows, as winget_package takes it; product_id may be left out
            where product_id_of() knows it, and arguments where "/S" and the answers' will do. Of a client that is laid
            into homes, its version and folder too.
        flatpak_remote: where applications of Flatpak come from.
        holds: client -> whether its packages are held at the version that is there (true) or released (false); a hold
            on a client that is not named is somebody else's, and stays.
    """

    versions: Mapping[str, str]
    latest: Sequence[str]
    sources: Mapping[str, str]
    brew_user: str
    installers: Mapping[str, Mapping[str, Any]] = {}
    flatpak_remote: str = "flathub"
    holds: Mapping[str, bool] = {}
