"""Formats of the documents that we manage in part, by the name that a client's role uses for them."""

from __future__ import annotations

from . import (
    desktop_entry,
    gajim_settings,
    json_policies,
    launch_agent,
    libpurple_accounts,
    libpurple_blist,
    libpurple_prefs,
    libpurple_status,
    mozilla_prefs,
    mozilla_profiles,
    shell_link,
    whole_file,
)
from .base import Format, Refused

__all__ = ["FORMATS", "Format", "Refused"]

#: What documents.format may be in a client's vars/main.yml.
FORMATS: dict[str, Format] = {
    "gajim_settings": gajim_settings.FORMAT,
    "libpurple_accounts": libpurple_accounts.FORMAT,
    "libpurple_prefs": libpurple_prefs.FORMAT,
    "libpurple_blist": libpurple_blist.FORMAT,
    "libpurple_status": libpurple_status.FORMAT,
    "mozilla_prefs": mozilla_prefs.FORMAT,
    "mozilla_profiles": mozilla_profiles.FORMAT,
    "desktop_entry": desktop_entry.FORMAT,
    "json_policies": json_policies.FORMAT,
    "launch_agent": launch_agent.FORMAT,
    "shell_link": shell_link.FORMAT,
    "whole_file": whole_file.FORMAT,
}
