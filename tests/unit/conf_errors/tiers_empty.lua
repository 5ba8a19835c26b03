require "base"
service "www.example.test" { check = "web", tiers = {} }
service "api.example.test" { check = "web", tiers = { {} } }
--> tiers_empty.lua:2: "tiers" has 0 tiers; expected a list of 1 to 32, each a list of members
--> tiers_empty.lua:3: tier 1 is a table without members; expected a list of members: tiers = { { "192.0.2.1" }, … }
