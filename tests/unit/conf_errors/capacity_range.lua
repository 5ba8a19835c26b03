require "base"
service "www.example.test" {
	check = "web", load = 40,
	tiers = { {
		{ "192.0.2.10", capacity = 0 },
		{ "192.0.2.11", capacity = -40 },
		{ "192.0.2.12", capacity = 1000001 },
		{ "192.0.2.13", capacity = 40 } } },
}
--> capacity_range.lua:5: "capacity" is 0; expected a whole number from 1 to 1000000
--> capacity_range.lua:6: "capacity" is -40; expected a whole number from 1 to 1000000
--> capacity_range.lua:7: "capacity" is 1000001; expected a whole number from 1 to 1000000
