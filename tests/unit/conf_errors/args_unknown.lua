require "base"
check "x" { script = "http",
	args = { port = 80,
		pth = "/" } }
--> args_unknown.lua:4: script "http" has no argument "pth"; expected one that it declares; did you mean "path"
