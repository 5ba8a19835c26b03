require "base"
zone "example.org" = { file = "x.zone" }
--> lua_equals_block.lua:2: syntax error near '='; expected a statement of Lua, such as zone "NAME" { … }
