require "base"
limits { rrl = true, tcp = "many" }
--> range_limits_true.lua:2: "rrl" is true; expected false, responses per second from 1 to 1000000, or a table such as { rate = 500 }
--> range_limits_true.lua:2: "tcp" is "many"; expected connections from 1 to 65535, or a table such as { connections = 256 }
