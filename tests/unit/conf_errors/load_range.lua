require "base"
service "www.example.test" {
	check = "web", tiers = { { { "192.0.2.10", capacity = 40 } } },
	load = 0,
}
service "dl.example.test" {
	check = "web", tiers = { { { "192.0.2.10", capacity = 40 } } },
	load = "40",
}
--> load_range.lua:4: "load" is 0; expected a whole number from 1 to 4000000000
--> load_range.lua:8: "load" is "40"; expected a whole number from 1 to 4000000000
