require "base"
service "www.example.test" { check = any("web"), tiers = { { "192.0.2.1" } } }
--> check_all_without_braces.lua:2: a combination of a string; expected a list of checks in braces, such as any { "web", "ssh" }
