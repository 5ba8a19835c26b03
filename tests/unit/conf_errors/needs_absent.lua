require "base"
service "www.example.test" { check = "web", needs = "db.exmaple.test",
	tiers = { { { "192.0.2.9", needs = { "db.example.test",
		"nothing.example.org" } } } } }
service "db.example.test" { check = "web", tiers = { { "192.0.2.51" } } }
--> needs_absent.lua:2: "needs" names "db.exmaple.test", which is no service; expected the name of a service; did you mean "db.example.test"
--> needs_absent.lua:4: "needs" names "nothing.example.org", which is no service; expected the name of a service
