require "base"
service = "www.example.test"
host = host
local zone = zone
--> lua_assignment.lua:2: "service" is set to a value; expected a block: service "NAME" { … }
