require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, failback = "never" }
--> word_failback.lua:2: "failback" is "never"; expected "auto", "manual" or a duration such as "1m"
