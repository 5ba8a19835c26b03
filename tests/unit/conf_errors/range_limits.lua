require "base"
limits { edns = 100, tcp = 0, rrl = "fast" }
--> range_limits.lua:2: "edns" is 100; expected a whole number from 512 to 4096
--> range_limits.lua:2: warning: "rrl" is not built yet: responses are not rate-limited
--> range_limits.lua:2: "tcp" is 0; expected a whole number from 1 to 65535
--> range_limits.lua:2: "rrl" is "fast"; expected false, or responses per second from 1 to 1000000
