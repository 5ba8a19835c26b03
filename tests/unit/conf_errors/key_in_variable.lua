require "base"
local common = {
	check = "web", tiers = { { "192.0.2.1" } },
	pik = "rotate",
}
service "www.example.test" (common)
--> key_in_variable.lua:6: unknown key "pik"; expected a key of service; did you mean "pick"
