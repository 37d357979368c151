-- The lab's XMPP server. Everything that this file names is mounted by lab/lab.

-- In a rootless container "root" is the developer: files stay readable and removable from outside.
run_as_root = true
pidfile = "/run/prosody.pid"
data_path = "/var/lib/prosody"
plugin_paths = { "/etc/prosody/modules" }
log = { info = "/var/log/prosody/prosody.log" }

interfaces = { "*" }
c2s_ports = { 5222 }
c2s_direct_tls_ports = { 5223 }
s2s_ports = {}
s2s_direct_tls_ports = {}
http_ports = {}
https_ports = {}

modules_enabled = {
	"roster"; "saslauth"; "tls"; "disco"; "private"; "vcard4"; "vcard_legacy"; "version"; "uptime"; "time"; "ping";
	"pep"; "bookmarks"; "blocklist"; "carbons"; "smacks"; "lastactivity"; "admin_adhoc"; "posix"; "limits";
}
modules_disabled = { "s2s"; "s2s_auth_certs" }

authentication = "internal_hashed"
allow_registration = false
c2s_require_encryption = true

-- The limits of Debian's own configuration: a check that floods is slowed down here as it would be on a real server.
limits = { c2s = { rate = "10kb/s" } }
admins = { "svc-check@univ-lille.example" }
unlimited_jids = { "svc-check@univ-lille.example" }

local certificate = {
	certificate = "/etc/prosody/certs/univ-lille.example.crt";
	key = "/etc/prosody/certs/univ-lille.example.key";
}
ssl = certificate
c2s_direct_tls_ssl = certificate

lab_table = "/etc/prosody/lab.json"
lab_secrets = "/etc/prosody/secrets.json"

VirtualHost "univ-lille.example"
	modules_enabled = { "lab_accounts" }
	disco_items = { { "conference.univ-lille.example", "Salons" } }

Component "conference.univ-lille.example" "muc"
	name = "Salons"
	restrict_room_creation = "admin"
	modules_enabled = { "lab_rooms" }
