require "base"
pool "edge" { tiers = { { { "ams1", capacity = 40 } } } }
service "www.example.test" {
	check = "web",
	tiers = { {
		{ "192.0.2.10", capacity = 40 }, "192.0.2.11" } },
}
service "dl.example.test" { check = "web", pool = "edge" }
--> capacity_without_load.lua:6: "capacity" where the service has no load; expected load = N, what the members that are up must carry
--> capacity_without_load.lua:2: "capacity" where the service has no load; expected load = N, what the members that are up must carry
