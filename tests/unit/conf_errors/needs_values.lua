require "base"
service "a.example.test" { check = "web", tiers = { { "192.0.2.9" } },
	needs = 5 }
service "b.example.test" { check = "web", tiers = { { "192.0.2.9" } },
	needs = {} }
service "c.example.test" { check = "web", tiers = { { "192.0.2.9" } },
	needs = { "a.example.test", true } }
service "d.example.test" { check = "web", tiers = { { "192.0.2.9" } },
	needs = { "a.example.test", "A.example.test" } }
pool "p" { check = "web", tiers = { { "192.0.2.9" } },
	needs = { service = "a.example.test" } }
service "e.example.test" { pool = "p", tiers = { { { "192.0.2.9",
	needs = { 1 } } } } }
service "f.example.test" { check = "web", tiers = { { "192.0.2.9" } },
	need = "a.example.test" }
--> needs_values.lua:15: "need" is "a.example.test"; expected a number of members from 1, or a share such as "50%"
--> needs_values.lua:3: "needs" is 5; expected the name of a service, or a list of at most 16
--> needs_values.lua:5: "needs" is a table with 0 services; expected a list of 1 to 16 names
--> needs_values.lua:7: item 2 of "needs" is true; expected the name of a service, or a list of at most 16
--> needs_values.lua:9: "needs" names "A.example.test" twice; expected each service once
--> needs_values.lua:11: "needs" is a table with 0 services and names; expected a list of 1 to 16 names
--> needs_values.lua:13: item 1 of "needs" is 1; expected the name of a service, or a list of at most 16
