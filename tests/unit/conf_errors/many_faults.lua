require "base"
node "ns3" {
	lisen = "127.0.0.1" }
check "a" { script = "htp" }
service "x.example.test" { chek = "web" }
service "y.example.org" { check = "web", tiers = { { "y" } } }
--> many_faults.lua:3: unknown key "lisen"; expected a key of node; did you mean "listen"
--> many_faults.lua:4: no bundled check is called "htp"; expected one in GEMEL_LUA_DIR, or the path of a .lua file; did you mean "http"
--> many_faults.lua:5: unknown key "chek"; expected a key of service; did you mean "check"
--> many_faults.lua:6: service "y.example.org" is in none of the zones; expected a name in a zone
--> many_faults.lua:6: "y" is neither an address nor a host; expected an address, a host's name or site:NAME
