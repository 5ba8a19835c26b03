require "base"
pool "edge" { check = "web",
	tiers = { { "amz1" } },
	need = "x" }
service "www.example.test" { pool = "edge" }
service "api.example.test" { pool = "edge" }
--> pool_faults_once.lua:3: "amz1" is neither an address nor a host; expected an address, a host's name or site:NAME; did you mean "ams1"
--> pool_faults_once.lua:4: "need" is "x"; expected a number of members from 1, or a share such as "50%"
