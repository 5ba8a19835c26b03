require "base"
service "www.example.test" { check = any { "web", all { "web" } }, tiers = { { "192.0.2.1" } } }
--> check_nested.lua:2: a combination inside a combination; expected names of checks, or tables, in it
