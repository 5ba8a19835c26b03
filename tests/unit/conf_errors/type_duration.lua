require "base"
check "x" { script = "http",
	interval = "5 minutes" }
--> type_duration.lua:3: "interval" is "5 minutes"; expected a duration from 100ms to 1d, such as 5, "200ms" or "10m"
