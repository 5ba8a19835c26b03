require "base"
check "x" { script = "htpp" }
--> script_unknown.lua:2: no bundled check is called "htpp"; expected one in GEMEL_LUA_DIR, or the path of a .lua file; did you mean "http"
