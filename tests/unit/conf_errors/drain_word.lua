require "base"
service "www.example.test" { check = "web", tiers = { { { "192.0.2.1", drain = "yes" } } } }
--> drain_word.lua:2: "drain" is "yes"; expected true or false
