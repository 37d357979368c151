"""What both modules take to say which ticket system. Needs no library, so that a missing one can be told."""

from __future__ import annotations

from typing import Any

SYSTEM_SPEC: dict[str, Any] = {
    "system": {"type": "str", "choices": ["files", "glpi"], "default": "files"},
    "glpi": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "api": {"type": "str", "choices": ["legacy", "v2"], "default": "legacy"},
            "app_token": {"type": "str", "no_log": True},
            "user_token": {"type": "str", "no_log": True},
            "client_id": {"type": "str"},
            "client_secret": {"type": "str", "no_log": True},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "category": {"type": "int", "required": True},
            "labels": {"type": "dict", "default": {}},
            "people": {"type": "dict", "default": {}},
            "ca_file": {"type": "path"},
            "timeout": {"type": "float", "default": 20},
        },
    },
    "number": {"type": "str"},
    "language": {"type": "str", "choices": ["fr", "en"], "default": "fr"},
}
