require "base"
service "www.example.test" {
	check = atleast(1, { "web",
		{ use = "wb" } }),
	tiers = { { "192.0.2.1" } },
}
--> check_unknown_in_atleast.lua:4: no check is called "wb"; expected the name of a check; did you mean "web"
