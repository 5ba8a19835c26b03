require "base"
check "x" { script = "scripts/type.lua" }
--> scripts/type.lua: argument "port" has no known type; expected string, integer, number, boolean, owner, certificates or key, several joined by "|", with "?" at the end where it is optional
