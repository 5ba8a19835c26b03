require "base"
service "www.example.test" { check = "web",
	tiers = { first = { "192.0.2.1" }, second = { "192.0.2.2" } } }
--> tiers_named.lua:3: "tiers" has 0 tiers, and values with names; expected a list of 1 to 32, each a list of members
