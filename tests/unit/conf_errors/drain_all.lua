require "base"
service "www.example.test" {
	check = "web",
	tiers = { { { "192.0.2.9", drain = true } }, { { "ams1", drain = true } } },
}
service "half.example.test" { check = "web", tiers = { { { "192.0.2.1", drain = true }, "192.0.2.2" } } }
--> drain_all.lua:4: warning: every member of service "www.example.test" is drained, so it has no address to answer with; expected one that is not
