require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, all_down = "lst" }
--> word_all_down.lua:2: "all_down" is "lst"; expected "first", "all", "last", "none" or a list of addresses; did you mean "last"
