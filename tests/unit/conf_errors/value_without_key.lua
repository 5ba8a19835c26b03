require "base"
service "www.example.test" { "web", tiers = { { "192.0.2.1" } }, check = "web" }
--> value_without_key.lua:2: "web" stands without a key; expected a key of service before it
