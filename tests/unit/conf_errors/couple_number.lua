require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, couple = 1 }
--> couple_number.lua:2: "couple" is 1; expected true or false
