-- Gives every account of the lab's secrets file its password, makes and removes the extra accounts of
-- `lab/lab accounts`, and says on the log who comes online and who leaves.
-- Files, not prosodyctl: passwords never stand in the arguments of a process.
local datamanager = require "util.datamanager";
local json = require "util.json";
local jid_split = require "util.jid".split;
local lfs = require "lfs";
local usermanager = require "core.usermanager";

local accounts = module:open_store("accounts");

local function read_json(path)
	local file = assert(io.open(path));
	local content = file:read("*a");
	file:close();
	return assert(json.decode(content));
end

local function ensure(user, password)
	if usermanager.test_password(user, module.host, password) then
		return;
	elseif usermanager.user_exists(user, module.host) then
		assert(usermanager.set_password(user, password, module.host, nil));
	else
		assert(usermanager.create_user(user, password, module.host));
	end
end

for jid, password in pairs(read_json(module:get_option_string("lab_secrets"))) do
	local user, host = jid_split(jid);
	if host == module.host then
		ensure(user, password);
	end
end

local function extra_name(number)
	return ("u%05d"):format(number);
end

-- The names of all who have anything beside their account: contacts, bookmarks, a profile, an open session.
local function users_with_belongings()
	local found = {};
	local top = prosody.paths.data .. "/" .. datamanager.path_encode(module.host);
	for store in lfs.dir(top) do
		if not store:match("^%.") and store ~= "accounts" and lfs.attributes(top .. "/" .. store, "mode") == "directory" then
			for file in lfs.dir(top .. "/" .. store) do
				found[datamanager.path_decode(file:match("^[^.]*"))] = true;
			end
		end
	end
	for user in pairs(prosody.hosts[module.host].sessions) do
		found[user] = true;
	end
	return found;
end

-- Brings the extra accounts from `made` to `count`. They share one password, so one salted hash serves them all:
-- 10,000 rounds of PBKDF2 for each would take a minute for ten thousand accounts.
local function change_extra(made, count, password)
	local busy = users_with_belongings();
	for number = made, count + 1, -1 do
		local user = extra_name(number);
		-- Looking for the belongings of ten thousand who have none takes a minute.
		if busy[user] then
			usermanager.delete_user(user, module.host);
		else
			accounts:set(user, nil);
		end
	end
	-- Prosody would remember the contacts of a deleted account and give them to the next of that name.
	prosody.hosts[module.host].roster_cache = nil;
	if made < count then
		ensure(extra_name(1), password);
		local hashed = accounts:get(extra_name(1));
		for number = math.max(2, made + 1), count do
			assert(accounts:set(extra_name(number), hashed));
		end
	end
end

-- The answer to lab/lab, which waits for it: the number of extra accounts that there are.
local function write_made(path, count)
	local file = assert(io.open(path .. ".made", "w"));
	file:write(tostring(count), "\n");
	file:close();
end

local function sync_extra()
	local path = module:get_option_string("lab_accounts");
	if not io.open(path) then
		return;
	end
	local wanted = read_json(path);
	local answer = io.open(path .. ".made");
	local made = answer and answer:read("*n") or 0;
	if answer then answer:close(); end
	change_extra(made, wanted.count, wanted.password);
	write_made(path, wanted.count);
end

module:hook_global("config-reloaded", sync_extra);

module:hook("resource-bind", function (event)
	module:log("info", "online %s", event.session.full_jid);
end);

module:hook("resource-unbind", function (event)
	module:log("info", "offline %s", event.session.full_jid);
end);
