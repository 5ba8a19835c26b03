require "base"
service "www.example.test" { check = { use = "web", script = "tcp" }, tiers = { { "192.0.2.1" } } }
--> check_use_and_script.lua:2: "script" beside "use"; expected one of them
