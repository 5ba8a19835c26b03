require "base"
limits { edns = 100, tcp = 0, rrl = "fast" }
--> range_limits.lua:2: "edns" is 100; expected a whole number from 512 to 4096
--> range_limits.lua:2: "rrl" is "fast"; expected false, responses per second from 1 to 1000000, or a table such as { rate = 500 }
--> range_limits.lua:2: "tcp" is 0; expected connections from 1 to 65535, or a table such as { connections = 256 }
