require "base"
check "x" { script = "http", args = { 8080 } }
--> args_list.lua:2: 8080 stands without a name among "args"; expected name = value
