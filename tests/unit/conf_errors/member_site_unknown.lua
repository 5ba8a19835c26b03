require "base"
service "www.example.test" { check = "web", tiers = { { "site:ams" } } }
--> member_site_unknown.lua:2: no host has site "ams"; expected a host with site = "ams"
