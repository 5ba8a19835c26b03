require "base"
service "www.example.test" {
	check = all { "web",
		"wep" },
	tiers = { { "192.0.2.1" } },
}
--> check_unknown_in_all.lua:4: no check is called "wep"; expected the name of a check; did you mean "web"
