require "base"
service "www.example.test" {
	check = "web", pick = "weighted",
	tiers = {
		{ "192.0.2.1" },
		{ "192.0.2.2",
		  { "192.0.2.3",
		    weigth = 3 } },
	},
}
--> key_unknown_member.lua:8: unknown key "weigth"; expected a key of a member; did you mean "weight"
