"""Gajim's settings that we may manage: their types, their defaults, and the ones that Gajim writes by itself.

Read in gajim/common/settings.py, const.py and setting_values.py of every release from 1.3.0 to 2.5.0, and seen with
Gajim 1.3.1, 1.7.3, 2.1.1 and 2.6.0. Gajim stores a key once somebody chose a value, even the default one; an absent
key means the default of the Gajim that runs, and that default sometimes changed.
"""

from __future__ import annotations

from typing import NamedTuple, Union

Value = Union[bool, int, float, str]  # noqa: UP007 - evaluated, and Python 3.9 knows no other way

#: PRAGMA user_version of the files that were examined (Gajim 1.3 to 2.6).
OLDEST_VERSION = 0
NEWEST_VERSION = 7

#: No user_version says what the default is: it depends on the platform or on the packager.
NEVER_AGREED = NEWEST_VERSION + 1


class Setting(NamedTuple):
    """One key of Gajim.

    Attributes:
        default: the value of an absent key; its type is the type of the key.
        agreed_from: lowest user_version from which every Gajim that opens the file has this default. Below it an
            absent key means one thing today and another after an upgrade, so it satisfies no enforced value.
    """

    default: Value
    agreed_from: int = OLDEST_VERSION

    def holds_when_absent(self, value: Value, user_version: int) -> bool:
        """Whether an absent key already has this effect, for every Gajim that may open the file."""
        return user_version >= self.agreed_from and same(value, self.default)


def same(left: object, right: object) -> bool:
    """Equality that tells true from 1 and 1 from 1.0, as JSON and Gajim do."""
    return type(left) is type(right) and left == right


#: Keys of row 'app' of table settings.
APP: dict[str, Setting] = {
    "action_on_close": Setting("hide"),
    "additional_uri_schemes": Setting(""),
    "always_english_wikipedia": Setting(False),
    "always_english_wiktionary": Setting(True),
    "app_font_size": Setting(1.0, NEVER_AGREED),  # 1.125 on Windows
    "ask_online_status": Setting(False),
    "audio_input_device": Setting("autoaudiosrc ! volume name=gajim_vol"),
    "audio_input_volume": Setting(50),
    "audio_output_device": Setting("autoaudiosink"),
    "audio_output_volume": Setting(50),
    "autoaway": Setting(True),
    "autoaway_message": Setting(""),
    "autoawaytime": Setting(5),  # minutes
    "autoxa": Setting(True),
    "autoxa_message": Setting(""),
    "autoxatime": Setting(15),  # minutes
    "chat_merge_consecutive_nickname": Setting(True, 1),
    "check_for_update": Setting(True),
    "confirm_block": Setting(""),
    "confirm_close_muc": Setting(True),
    "confirm_on_window_delete": Setting(True),
    "dark_theme": Setting(2),  # 0 light, 1 dark, 2 as the system
    "date_format": Setting("%x"),
    "date_time_format": Setting("%c"),
    "dev_force_bookmark_2": Setting(False),
    "dictionary_url": Setting("WIKTIONARY"),
    "enable_emoji_shortcodes": Setting(True),
    "enable_keepassxc_integration": Setting(False),
    "enable_link_preview_default": Setting(True),
    "escape_key_closes": Setting(False),
    "file_transfers_port": Setting(28011),
    "ft_add_hosts_to_send": Setting(""),
    "gc_enable_link_preview_default": Setting(True),
    "gc_notify_on_all_messages_private_default": Setting(True),
    "gc_notify_on_all_messages_public_default": Setting(False),
    "gc_notify_on_reaction_default": Setting(True),
    "gc_print_join_left_default": Setting(False),
    "gc_print_status_default": Setting(False),
    "gc_refer_to_nick_char": Setting(","),
    "gc_sync_threshold_private_default": Setting(0),  # days; 0 no limit, -1 no synchronisation
    "gc_sync_threshold_public_default": Setting(1),
    "global_proxy": Setting(""),
    "groupchat_roster_width": Setting(250, 6),
    "hide_groupchat_occupants_list": Setting(False),
    "ignore_incoming_attention": Setting(False),
    "muc_highlight_words": Setting(""),
    "muc_prefer_direct_msg": Setting(True),
    "muclumbus_api_jid": Setting("api@search.jabber.network", 1),
    "muclumbus_api_pref": Setting("http"),
    "notification_preview_message": Setting(True),
    "notify_on_all_muc_messages": Setting(False),
    "notify_on_file_complete": Setting(True),
    "notify_on_reaction_default": Setting(True),
    "plugins_auto_update": Setting(False),
    "plugins_notify_after_update": Setting(True),
    "plugins_repository_enabled": Setting(True, NEVER_AGREED),  # false in Debian's packages
    "plugins_update_check": Setting(True, NEVER_AGREED),  # false in Debian's packages
    "positive_184_ack": Setting(False),
    "preview_allow_all_images": Setting(False),
    "preview_anonymous_muc": Setting(False),
    "preview_max_file_size": Setting(10485760),  # bytes
    "preview_size": Setting(400, 7),
    "preview_verify_https": Setting(True),
    "print_status_in_chats": Setting(False),
    "providers_list_url": Setting("https://data.xmpp.net/providers/v2/providers-B.json"),
    "quick_reaction_emojis": Setting("👍,❤,🤣"),
    "remote_control": Setting(False),
    "search_engine": Setting("https://duckduckgo.com/?q=%s"),
    "send_on_ctrl_enter": Setting(False),
    "show_header_bar": Setting(True),
    "show_help_start_chat": Setting(True),
    "show_in_taskbar": Setting(True),
    "show_main_window_on_startup": Setting("always"),
    "show_notifications": Setting(True),
    "show_notifications_away": Setting(False),
    "show_roster_on_startup": Setting("always"),  # 1.3 only
    "show_send_message_button": Setting(False),
    "show_status_msgs_in_roster": Setting(True),
    "show_subject_on_join": Setting(True),
    "show_trayicon": Setting(True),
    "show_voice_message_button": Setting(True),
    "sort_by_show_in_muc": Setting(False),
    "sort_by_show_in_start_chat": Setting(True),
    "sounddnd": Setting(False),
    "sounds_on": Setting(True),
    "speller_language": Setting(""),
    "stun_server": Setting(""),
    "time_format": Setting("%H:%M"),
    "trayicon": Setting("always"),  # until 1.4.0
    "trayicon_notification_on_events": Setting(True),
    "use_http2": Setting(False),
    "use_keyring": Setting(True, NEVER_AGREED),  # false in the portable Windows build
    "use_kib_mib": Setting(False),
    "use_speller": Setting(True, 6),
    "use_stun_server": Setting(False),
    "use_urgency_hint": Setting(True),
    "video_framerate": Setting(""),
    "video_input_device": Setting("autovideosrc"),
    "video_see_self": Setting(True),
    "video_size": Setting(""),
}

#: Keys of object 'account' in a row of table account_settings.
ACCOUNT: dict[str, Setting] = {
    "account_color": Setting("rgb(85, 85, 85)"),
    "account_label": Setting(""),
    "active": Setting(False, 3),
    "address": Setting(""),  # read from user_version 6 on
    "adjust_priority_with_status": Setting(False),
    "anonymous_auth": Setting(False),
    "answer_receipts": Setting(True),
    "autoauth": Setting(False),
    "autoconnect": Setting(True, 3),
    "autojoin_sync": Setting(True),
    "chat_history_max_age": Setting(-1),  # seconds; -1 for ever, 0 until exit
    "client_cert": Setting(""),
    "client_cert_encrypted": Setting(False),
    "confirm_unencrypted_connection": Setting(True),
    "custom_host": Setting(""),
    "custom_port": Setting(5222),
    "custom_type": Setting("START TLS"),
    "default_workspace": Setting(""),
    "enable_gssapi": Setting(False),
    "enable_security_labels": Setting(False),
    "encryption_default": Setting(""),
    "file_transfer_proxies": Setting(""),
    "filetransfer_preference": Setting("httpupload"),
    "ft_send_local_ips": Setting(True),
    "gc_send_chatstate_default": Setting("composing_only"),
    "gc_send_marker_private_default": Setting(True),
    "gc_send_marker_public_default": Setting(False),
    "hostname": Setting(""),  # read up to user_version 5
    "http_auth": Setting("ask"),
    "ignore_unknown_contacts": Setting(False),
    "last_status": Setting("online"),
    "last_status_msg": Setting(""),
    "name": Setting(""),  # read up to user_version 5
    "no_log_for": Setting(""),  # until 1.4.1
    "omemo_blind_trust": Setting(True),
    "openpgp_backup_secret_key": Setting(True),
    "openpgp_blind_trust": Setting(True),
    "password": Setting(""),
    "priority": Setting(0),  # until 2.3.4
    "proxy": Setting(""),
    "publish_location": Setting(False),
    "publish_tune": Setting(False),
    "request_user_data": Setting(True),
    "resource": Setting("gajim.$rand"),
    "restore_last_status": Setting(False),
    "savepass": Setting(True, 3),
    "send_chatstate_default": Setting("composing_only"),
    "send_idle_time": Setting(True),
    "send_marker_default": Setting(True),
    "send_os_info": Setting(True),
    "send_time_info": Setting(True),  # until 2.3.4
    "subscription_request_msg": Setting(""),
    "sync_muc_blocks": Setting(True),
    "sync_with_global_status": Setting(True, 3),
    "test_ft_proxies_on_startup": Setting(False),
    "update_timezone": Setting(True),
    "use_custom_host": Setting(False),
    "use_ft_proxies": Setting(False),
    "use_plain_connection": Setting(False),
}

#: Account keys that say whose account it is; compared as one bare JID, not key by key.
IDENTITY = ("name", "hostname", "address")

#: Keys whose value is a password.
SECRET = frozenset({"password"})

#: Account keys that Gajim rewrites while it runs: they may start a new account, they can never be held to a value.
ACCOUNT_REWRITTEN_BY_GAJIM = frozenset({"resource", "last_status", "last_status_msg", "savepass", "password"})

#: Initial app keys that are laid in a new file only. The first two are removed, not stored, when the user goes back to
#: the default (Ctrl+0; deleting the proxy), so absence can be a choice. The third holds for all accounts at once: laid
#: later it would cut the user's other accounts from their passwords.
APP_INITIAL_ONLY_IN_A_NEW_FILE = frozenset({"app_font_size", "global_proxy", "use_keyring"})


#: State of the running program, in row 'app' or in an account. Nobody's preference, so no fragment may speak of it.
_RUNTIME = frozenset(
    {
        "avatar_sha",
        "chat_handle_position",
        "collapsed_rows",
        "is_window_visible",
        "last_main_window_visible",
        "last_roster_visible",
        "last_update_check",
        "latest_disco_addresses",
        "opened_chat_controls",
        "workspace_order",
    }
)


def is_runtime_state(key: str) -> bool:
    """Whether Gajim writes this key by itself: window geometry, last used folders, version of the roster, ..."""
    return (
        key in _RUNTIME or key.startswith(("mainwin_", "roster_")) or (key.startswith("last_") and key.endswith("_dir"))
    )
