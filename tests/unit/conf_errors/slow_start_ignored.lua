require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, slow_start = "30s" }
--> slow_start_ignored.lua:2: warning: "slow_start" is not built yet: a member comes back with its full weight
--> slow_start_ignored.lua:2: "slow_start" where pick = "rotate" ignores it; expected pick = "weighted"
