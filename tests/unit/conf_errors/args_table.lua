require "base"
check "x" { script = "http", args = { path = { "/" } } }
--> args_table.lua:2: argument "path" of script "http" is a table; expected text
