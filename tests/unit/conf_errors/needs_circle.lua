require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.9" } }, needs = "a.example.test" }
service "a.example.test" { check = "web", tiers = { { "192.0.2.9",
	{ "192.0.2.8", needs = "b.example.test" } } } }
service "b.example.test" { check = "web", tiers = { { "192.0.2.9" } },
	needs = { "c.example.test", "a.example.test" } }
service "c.example.test" { check = "web", tiers = { { "192.0.2.9" } } }
--> needs_circle.lua:4: services need one another in a circle: a.example.test → b.example.test → a.example.test; expected a chain that ends
