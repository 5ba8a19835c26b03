require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, ttl = { min = "1500ms" } }
--> ttl_fraction.lua:2: "min" is "1500ms"; expected whole seconds from 0
