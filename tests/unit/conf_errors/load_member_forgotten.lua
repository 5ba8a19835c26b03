require "base"
service "www.example.test" {
	check = "web",
	tiers = { { { "192.0.2.10", capacity = 80 },
		"192.0.2.11",
		"ams1" } },
	load = 80,
}
--> load_member_forgotten.lua:5: member 192.0.2.11 has no capacity, and "load" is 80; expected one for every member
--> load_member_forgotten.lua:6: member 192.0.2.1 has no capacity, and "load" is 80; expected one for every member
