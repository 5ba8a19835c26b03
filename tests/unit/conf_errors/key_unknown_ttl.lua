require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, ttl = { min = 5, mx = 10 } }
--> key_unknown_ttl.lua:2: unknown key "mx"; expected a key of ttl; did you mean "max"
