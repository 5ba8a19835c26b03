require "base"
service "www.example.test" {
	check = "web",
	tiers = { { "192.0.2.1", "192.0.2.2" } },
	load = 80,
}
--> load_without_capacity.lua:5: "load" is 80 but no member has a capacity; expected members such as { "192.0.2.10", capacity = 40 }
