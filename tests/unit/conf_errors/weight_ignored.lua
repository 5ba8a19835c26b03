require "base"
service "www.example.test" { check = "web",
	tiers = { { "192.0.2.1",
		{ "192.0.2.2", weight = 3 } } } }
--> weight_ignored.lua:4: "weight" where pick = "rotate" ignores it; expected pick = "weighted" or "sticky"
