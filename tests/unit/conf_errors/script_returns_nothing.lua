require "base"
check "x" { script = "scripts/nothing.lua" }
--> scripts/nothing.lua: the script returns neither a function nor a table; expected a function or { args = { port = "integer" }, run = function (target, args) … end }
