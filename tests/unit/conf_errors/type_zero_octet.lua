require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, initial = "up\0" }
--> type_zero_octet.lua:2: "initial" is a text with a zero octet; expected "up" or "down"
