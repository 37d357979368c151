-- The lab's Prosody servers, 0.12 and 13 alike. Everything that this file names is mounted by lab/lab, which also says
-- by LAB_DOMAIN, LAB_CONFERENCE, LAB_ADMIN and LAB_PROVISIONER (lab.json) which of them this is.

-- In a rootless container "root" is the developer: files stay readable and removable from outside.
run_as_root = true
pidfile = "/run/prosody.pid"
admin_socket = "/run/prosody.sock"
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
	"admin_shell"; -- lab/lab accounts makes the server read its accounts again
}
-- A client that was killed leaves its rooms at once: the tests' next one is then seen to join.
smacks_hibernation_time = 5
modules_disabled = { "s2s"; "s2s_auth_certs" }

authentication = "internal_hashed"
allow_registration = false
c2s_require_encryption = true

-- The limits of Debian's own configuration: a check that floods is slowed down here as it would be on a real server.
limits = { c2s = { rate = "10kb/s" } }
local admin = ENV_LAB_ADMIN .. "@" .. ENV_LAB_DOMAIN
local provisioner = ENV_LAB_PROVISIONER .. "@" .. ENV_LAB_DOMAIN
admins = { admin }
unlimited_jids = { admin, provisioner }

certificates = "/etc/lab/certs"
local certificate = {
	certificate = "/etc/lab/certs/" .. ENV_LAB_DOMAIN .. ".crt";
	key = "/etc/lab/certs/" .. ENV_LAB_DOMAIN .. ".key";
}
ssl = certificate
c2s_direct_tls_ssl = certificate

lab_table = "/etc/lab/lab.json"
lab_secrets = "/etc/lab/secrets.json"
lab_accounts = "/var/lib/prosody/lab_accounts.json"

VirtualHost(ENV_LAB_DOMAIN)
	modules_enabled = { "lab_accounts"; "privilege" }
	disco_items = { { ENV_LAB_CONFERENCE, "Salons" } }
	-- Writes for everybody without anybody's password (XEP-0356 v2), and is no administrator.
	privileged_entities = {
		[provisioner] = {
			roster = "both";
			iq = {
				["http://jabber.org/protocol/pubsub"] = "both"; -- bookmarks, vCard4, avatar
				["http://jabber.org/protocol/pubsub#owner"] = "both"; -- who may read them
				["http://jabber.org/protocol/disco#info"] = "get"; -- which of the stores this server has
				["jabber:iq:private"] = "both";
				["vcard-temp"] = "both";
			};
		};
	}

Component(ENV_LAB_CONFERENCE)("muc")
	name = "Salons"
	restrict_room_creation = "admin"
	modules_enabled = { "lab_rooms" }
