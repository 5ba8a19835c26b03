require "base"
check "x" { script = "http", interval = "1ms", timeout = 3600 }
--> range_duration.lua:2: "interval" is "1ms"; expected a duration from 100ms to 1d, such as 5, "200ms" or "10m"
--> range_duration.lua:2: "timeout" is 3600; expected a duration from 10ms to 10m, such as 5, "200ms" or "10m"
