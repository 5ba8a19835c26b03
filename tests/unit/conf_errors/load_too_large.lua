require "base"
service "www.example.test" {
	check = "web",
	tiers = { { { "192.0.2.10", capacity = 40 }, { "192.0.2.11", capacity = 40 } }, { { "192.0.2.12", capacity = 50 } } },
	load = 80,
}
service "dl.example.test" {
	check = "web",
	tiers = { { { "ams1", capacity = 80 }, { "2001:db8::2", capacity = 10 } },
		{ { "2001:db8::3", capacity = 80 }, { "192.0.2.12", capacity = 79, drain = true } } },
	load = 80,
}
--> load_too_large.lua:5: tier 2 can carry 50 of 80, even with every member up; expected a smaller load, or more capacity
--> load_too_large.lua:11: tier 2 can carry 79 of 80 (A), even with every member up; expected a smaller load, or more capacity
