require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, answer = "5" }
--> answer_text.lua:2: "answer" is "5"; expected "all" or a number of addresses from 1 to 256
