require "base"
local t = {}
for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end
--> lua_memory.lua: the configuration needs more than 512 MiB of memory; expected data, not a computation
