require "base"
service "www.example.test" { check = "web",
	tiers = { "192.0.2.1", "192.0.2.2" } }
--> tiers_flat.lua:3: tier 1 is "192.0.2.1"; expected a list of members: tiers = { { "192.0.2.1" }, … }
--> tiers_flat.lua:3: tier 2 is "192.0.2.2"; expected a list of members: tiers = { { "192.0.2.1" }, … }
