-- Required by loops.lua: a module gives a table, once.
local M = { check = "web", site = { ams = "192.0.2.", fra = "198.51.100." } }
return M
