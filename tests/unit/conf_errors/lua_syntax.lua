require "base"
service "www.example.test" { check = "web"
	tiers = { } }
--> lua_syntax.lua:3: '}' expected (to close '{' at line 2) near 'tiers'; is a comma missing before it, or a } after the last value
