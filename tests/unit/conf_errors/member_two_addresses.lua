require "base"
service "www.example.test" { check = "web", pick = "weighted",
	tiers = { { { "192.0.2.1", "192.0.2.2", weight = 3 } } } }
--> member_two_addresses.lua:3: a member that is a table with 2 addresses; expected one: { "192.0.2.10", weight = 3 }
