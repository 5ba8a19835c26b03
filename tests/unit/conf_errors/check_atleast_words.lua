require "base"
service "www.example.test" { check = atleast("two", { "web" }), tiers = { { "192.0.2.1" } } }
--> check_atleast_words.lua:2: atleast of a string; expected a number and checks, such as atleast(2, { "web", "ssh" })
