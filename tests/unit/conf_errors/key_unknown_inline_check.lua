require "base"
service "www.example.test" {
	check = { use = "web",
		arg = { path = "/" } },
	tiers = { { "192.0.2.1" } },
}
--> key_unknown_inline_check.lua:4: unknown key "arg"; expected a key of check; did you mean "args"
