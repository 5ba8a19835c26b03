require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, failback = "2d" }
--> failback_long.lua:2: "failback" is "2d"; expected "auto", "manual" or a duration such as "1m"
