require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, all_down = {} }
--> all_down_empty.lua:2: "all_down" is a table with 0 addresses; expected a list of 1 to 256 addresses
