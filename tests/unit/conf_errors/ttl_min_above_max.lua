require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, ttl = { min = 60, max = 30 } }
--> ttl_min_above_max.lua:2: "min" is 60 s, more than the 30 s of "max"; expected at most that
