require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, agree = "any_up" }
--> word_agree.lua:2: "agree" is "any_up"; expected "any-up", "any-down", "quorum" or "local"; did you mean "any-up"
