require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, initial = "on" }
--> word_initial.lua:2: "initial" is "on"; expected "up" or "down"
