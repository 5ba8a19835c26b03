require "base"
local function two(a) return { n = a, m = { x = 1 }, s = function () local n = 1; n = 2; return { n = 1 } end } end
local lib, i = 1, 2
local same = { [1] = "a", ["1"] = "b", [i] = 1, ["i"] = 2, i = 3, lib == 1, b = two(1).n == 1, a = 5 }
service "www.example.test" {
	check = "web",
	tiers = { { { "192.0.2.1", drain = true, drain = false } } },
	-- check = "nothing",
	["check"] = "web",
}
--> key_twice.lua:4: key "i" is there twice, first at line 4; expected each key once
--> key_twice.lua:7: key "drain" is there twice, first at line 7; expected each key once
--> key_twice.lua:9: key "check" is there twice, first at line 6; expected each key once
