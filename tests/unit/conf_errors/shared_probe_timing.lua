require "base"
check "fast" { script = "http", args = { port = 8080 }, interval = "1s" }
service "www.example.test" { check = { script = "http", args = { port = 8080, host = "x" } }, tiers = { { "192.0.2.1" } } }
service "api.example.test" { check = { script = "http", args = { port = 8080, host = "x" }, interval = "1s" },
	tiers = { { "192.0.2.1", "192.0.2.20" } } }
--> shared_probe_timing.lua:4: warning: checks "http" and "http" ask the same of the same address with other timing; one probe serves both, with the shorter interval's
