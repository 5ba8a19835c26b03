require "base"
service "www.example.test" {
	["check"] = "web", --[[ tiers = 5, ]] tiers = { { "192.0.2.1" } },
	-- need = 3
	["nead"] = 1,
}
--> key_in_brackets.lua:5: unknown key "nead"; expected a key of service; did you mean "need"
