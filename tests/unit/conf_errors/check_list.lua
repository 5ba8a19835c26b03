require "base"
service "www.example.test" { check = { "web" }, tiers = { { "192.0.2.1" } } }
service "api.example.test" { check = { "web", "web" }, tiers = { { "192.0.2.1" } } }
--> check_list.lua:2: "check" is a list; expected a name alone, or for several checks all { … }, any { … } or atleast(n, { … })
--> check_list.lua:3: "check" is a list; expected a name alone, or for several checks all { … }, any { … } or atleast(n, { … })
