-- Gives every account of the lab's secrets file its password, and says on the log who comes online and who leaves.
-- A file, not prosodyctl: passwords never stand in the arguments of a process.
local json = require "util.json";
local jid_split = require "util.jid".split;
local usermanager = require "core.usermanager";

local function read_json(path)
	local file = assert(io.open(path));
	local content = file:read("*a");
	file:close();
	return assert(json.decode(content));
end

for jid, password in pairs(read_json(module:get_option_string("lab_secrets"))) do
	local user, host = jid_split(jid);
	if host == module.host and not usermanager.test_password(user, host, password) then
		if usermanager.user_exists(user, host) then
			assert(usermanager.set_password(user, password, host, nil));
		else
			assert(usermanager.create_user(user, password, host));
		end
	end
end

module:hook("resource-bind", function (event)
	module:log("info", "online %s", event.session.full_jid);
end);

module:hook("resource-unbind", function (event)
	module:log("info", "offline %s", event.session.full_jid);
end);
