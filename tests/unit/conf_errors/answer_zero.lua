require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, answer = 0 }
--> answer_zero.lua:2: "answer" is 0; expected "all" or a number of addresses from 1 to 256
