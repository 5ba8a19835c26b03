require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, need = "150%" }
--> need_percent.lua:2: "need" is "150%"; expected a number of members from 1, or a share such as "50%"
