require "base"
service "www.example.test" { tiers = { { "192.0.2.1" } } }
--> check_missing.lua:2: service "www.example.test" has no check; expected check = "NAME", here or in its pool
