require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, pick = "wieghted" }
--> word_pick.lua:2: "pick" is "wieghted"; expected "rotate", "random", "weighted" or "sticky"; did you mean "weighted"
