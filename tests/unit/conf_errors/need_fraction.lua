require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, need = 1.5 }
--> need_fraction.lua:2: "need" is 1.5; expected a number of members from 1, or a share such as "50%"
