require "base"
service "192.0.2.1" { check = "web", tiers = { { "192.0.2.1" } } }
--> service_address.lua:2: service "192.0.2.1" is in none of the zones; expected a name in a zone
