require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, pick = "weighted", slow_start = "30s" }
--> slow_start_unbuilt.lua:2: warning: "slow_start" is not built yet: a member comes back with its full weight
