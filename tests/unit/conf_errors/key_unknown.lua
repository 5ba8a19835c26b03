require "base"
service "www.example.test" {
	check = "web",
	tierz = { { "192.0.2.1" } },
}
--> key_unknown.lua:4: unknown key "tierz"; expected a key of service; did you mean "tiers"
