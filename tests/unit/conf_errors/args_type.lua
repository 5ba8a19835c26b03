require "base"
check "x" { script = "scripts/need.lua", args = { port = "80", name = 5, deep = 1, ratio = "x" } }
--> args_type.lua:2: argument "deep" of script "scripts/need.lua" is 1; expected true or false
--> args_type.lua:2: argument "name" of script "scripts/need.lua" is 5; expected text
--> args_type.lua:2: argument "port" of script "scripts/need.lua" is "80"; expected a whole number
--> args_type.lua:2: argument "ratio" of script "scripts/need.lua" is "x"; expected a number
