require "base"
service "www.exmaple.test" { check = "web", tiers = { { "192.0.2.1" } } }
--> service_outside.lua:2: service "www.exmaple.test" is in none of the zones; expected a name in a zone; did you mean one in "example.test"
