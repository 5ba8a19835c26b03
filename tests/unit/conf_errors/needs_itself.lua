require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.9" } },
	needs = "WWW.example.test." }
--> needs_itself.lua:3: service "www.example.test" needs itself; expected another service
