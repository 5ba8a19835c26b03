require "base"
--> lua_bom.lua:1: the file begins with a byte order mark (EF BB BF); expected plain text without one
