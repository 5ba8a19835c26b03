require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, need = 0 }
--> need_zero.lua:2: "need" is 0; expected a number of members from 1, or a share such as "50%"
