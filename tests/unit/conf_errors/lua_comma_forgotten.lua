require "base"
service "www.example.test" {
	check = "web"
	tiers = { { "192.0.2.1" } }
}
--> lua_comma_forgotten.lua:4: '}' expected (to close '{' at line 2) near 'tiers'; is a comma missing before it, or a } after the last value
