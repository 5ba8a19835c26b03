require "base"
require "faulty"
service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } }, ned = 1 }
--> faulty.lua:4: "site" is 5; expected the name of a site
--> require_fault.lua:3: unknown key "ned"; expected a key of service; did you mean "need"
