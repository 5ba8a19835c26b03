require "base"
local t = os.time()
--> lua_os.lua:2: "os" is not there; expected data only: no files, programs, time or randomness
