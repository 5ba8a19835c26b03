require "base"
include "base"
--> lua_include.lua:2: unknown name "include"; expected a block such as zone or service, a name set above, or text in quotes
