require "base"
error("ports must be even")
--> lua_error.lua:2: ports must be even
