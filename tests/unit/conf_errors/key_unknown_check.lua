require "base"
check "x" { script = "http",
	args = { port = 80 },
	timout = "1s" }
--> key_unknown_check.lua:4: unknown key "timout"; expected a key of check; did you mean "timeout"
