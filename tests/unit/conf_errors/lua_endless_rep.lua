require "base"
local s = ("x"):rep(1e10)
--> lua_endless_rep.lua:2: resulting string too large; expected shorter text
