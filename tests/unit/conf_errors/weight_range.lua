require "base"
service "www.example.test" { check = "web", tiers = { { { "192.0.2.1", weight = 0 } } }, pick = "weighted" }
--> weight_range.lua:2: "weight" is 0; expected a whole number from 1 to 65535
