require "base"
service "www.example.test" { check = "web",
	tiers = { { "192.0.2.1" },
		  {},
		  { "192.0.2.2" } } }
--> tier_empty_among_others.lua:4: tier 2 is a table without members; expected a list of members: tiers = { { "192.0.2.1" }, … }
