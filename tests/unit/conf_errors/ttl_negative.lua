require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, ttl = { min = -1 } }
--> ttl_negative.lua:2: "min" is -1; expected whole seconds from 0
