require "base"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, ttl = { 10, 60 } }
--> ttl_list.lua:2: 10 stands without a key; expected a key of ttl before it
