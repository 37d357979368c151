-- Makes the lab's persistent rooms, and says on the log who enters and leaves a room (tests read it).
local json = require "util.json";

local muc = module:depends("muc");

local file = assert(io.open(module:get_option_string("lab_table")));
local table_of_lab = assert(json.decode(file:read("*a")));
file:close();

-- Stored rooms become known to the service after this module is loaded: wait for the whole server.
local function make_rooms()
	for name, title in pairs(table_of_lab.rooms) do
		local jid = name .. "@" .. module.host;
		local room = muc.get_room_from_jid(jid) or assert(muc.create_room(jid));
		room:set_name(title);
		room:set_persistent(true);
		room:set_public(true);
		room:save(true);
	end
end

if prosody.start_time then
	make_rooms();
else
	module:hook_global("server-started", make_rooms);
end

module:hook("muc-occupant-joined", function (event)
	module:log("info", "joined %s room %s as %s", event.occupant.bare_jid, event.room.jid, event.nick);
end);

module:hook("muc-occupant-left", function (event)
	module:log("info", "left %s room %s as %s", event.occupant.bare_jid, event.room.jid, event.nick);
end);
