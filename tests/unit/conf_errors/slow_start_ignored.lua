require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, slow_start = "30s" }
service "dl.example.test" { check = "web", tiers = { { "192.0.2.1" } }, pick = "random", slow_start = "30s" }
service "a.example.test" { check = "web", tiers = { { "192.0.2.1" } }, pick = "sticky", slow_start = "30s" } -- honoured
service "b.example.test" { check = "web", tiers = { { "192.0.2.1" } }, slow_start = 0 }
--> slow_start_ignored.lua:2: "slow_start" where pick = "rotate" ignores it; expected pick = "weighted" or "sticky"
--> slow_start_ignored.lua:3: "slow_start" where pick = "random" ignores it; expected pick = "weighted" or "sticky"
