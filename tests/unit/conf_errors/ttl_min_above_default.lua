require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, ttl = { min = "2m" } }
service "api.example.test" { check = "web", ttl = { min = "2d" } }
--> ttl_min_above_default.lua:2: warning: "min" is 120 s, but the TTL of a name without records is 60 s; expected at most that, or a "max"
--> ttl_min_above_default.lua:3: warning: "min" is 172800 s, but the TTL of the zone's records is 300 s; expected at most that, or a "max"
