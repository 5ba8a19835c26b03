-- Services from a loop over a table of a required module: pairs goes in sorted order, so both twins make the same list.
local lib = require "lib"
assert(require "lib.lua" == lib, "a module is loaded once")

node "solo" { workers = 2, nsid = "here", log = "json", log_level = "debug", query_log = 100, dnstap = "run/dnstap.sock" }
zone "example.test" { file = "example.test.zone" }
check (lib.check) { script = "tcp", args = { port = 25 }, interval = 10, timeout = "1.5s" }

for name, prefix in pairs(lib.site) do
	for i = 1, 3 do
		service(("%s%d.example.test"):format(name, i)) { check = lib.check, tiers = { { prefix .. i } } }
	end
end

-- the order of every kind of key
local order = {}
for k in pairs { z = 1, a = 1, [2] = 1, [10] = 1, [1] = 1, [1.5] = 1, B = 1 } do order[#order + 1] = tostring(k) end
service(table.concat(order, "-"):gsub("%.", "_") .. ".example.test") { check = lib.check, tiers = { { "203.0.113.1" } } }

-- a key removed on the way is not met again
local t, met = { a = 1, b = 2, c = 3 }, ""
for k in pairs(t) do met = met .. k; t.b = nil end
service(met .. ".example.test") { check = lib.check, tiers = { { "203.0.113.2" } } }
