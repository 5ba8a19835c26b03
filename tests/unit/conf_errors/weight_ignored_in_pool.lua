require "base"
pool "edge" { tiers = { { { "192.0.2.1", weight = 3 } } } }
service "www.example.test" { check = "web", pool = "edge" }
--> weight_ignored_in_pool.lua:2: "weight" where pick = "rotate" ignores it; expected pick = "weighted" or "sticky"
