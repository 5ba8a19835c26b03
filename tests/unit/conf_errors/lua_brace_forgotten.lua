require "base"
service "www.example.test" {
	check = "web",
	tiers = { { "192.0.2.1" }
--> lua_brace_forgotten.lua:6: '}' expected (to close '{' at line 4) near <eof>; expected the end of what was opened: a } is missing, or an end
