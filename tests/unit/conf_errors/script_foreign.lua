require "base"
check "a" { script = "http_status", args = { port = 80 } }
check "b" { script = "tcp_connect", args = { port = 25 } }
check "c" { script = "extmon" }
--> script_foreign.lua:2: no bundled check is called "http_status"; expected one in GEMEL_LUA_DIR, or the path of a .lua file; did you mean "http"
--> script_foreign.lua:3: no bundled check is called "tcp_connect"; expected one in GEMEL_LUA_DIR, or the path of a .lua file; did you mean "tcp"
--> script_foreign.lua:4: no bundled check is called "extmon"; expected one in GEMEL_LUA_DIR, or the path of a .lua file
