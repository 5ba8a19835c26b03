require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, answer = "al" }
--> answer_word.lua:2: "answer" is "al"; expected "all" or a number of addresses from 1 to 256
