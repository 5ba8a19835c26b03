require "base"
error({})
--> lua_error_table.lua:2: an error that is a table
