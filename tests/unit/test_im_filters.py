"""Filters whose work is too small for a module of their own."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
from rendering import PROJECT

_spec = importlib.util.spec_from_file_location("im_filters", PROJECT / "filter_plugins" / "im_filters.py")
assert _spec is not None and _spec.loader is not None
filters: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(filters)


def test_a_client_is_left_alone_only_where_no_seat_is_to_have_it_deployed() -> None:
    seats = [
        {"login": "amartin", "person": "alice.martin", "clients": ["pidgin", "gajim"]},
        {"login": "zobrien", "person": "zoe.obrien", "clients": ["pidgin"]},
    ]
    assert filters.im_clients_left_alone(seats, []) == []
    assert filters.im_clients_left_alone(seats, ["amartin/pidgin", "amartin/gajim"]) == ["gajim"]
    assert filters.im_clients_left_alone(seats, ["amartin/pidgin", "zobrien/pidgin"]) == ["pidgin"]


def test_the_clients_are_the_roles_that_say_how_they_are_deployed() -> None:
    assert filters.im_client_names([str(PROJECT / "roles")]) == ["gajim", "pidgin", "thunderbird"]


@pytest.mark.parametrize(
    ("connection", "shell", "has_root"),
    [
        ("", "", True),
        ("ssh", "sh", True),
        ("community.docker.docker", "", True),
        ("winrm", "", False),
        ("ansible.builtin.psrp", "", False),
        ("ssh", "powershell", False),
        ("ansible.builtin.ssh", "cmd", False),
    ],
)
def test_windows_has_no_root_by_whatever_connection(connection: str, shell: str, has_root: bool) -> None:
    assert filters.im_has_root(connection, shell) is has_root
