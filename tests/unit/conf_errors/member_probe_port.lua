require "base"
service "www.example.test" { check = { script = "tcp" },
	tiers = { { { "192.0.2.1", probe = { ns1 = "10.0.0.1:80" } }, { "192.0.2.2", probe = "10.0.0.2:80" } } } }
service "new.example.test" { check = { script = "tcp" },
	tiers = { { { "192.0.2.1", probe = { ns1 = "10.0.0.1" } } } } }
--> member_probe_port.lua:4: check "tcp" lacks argument "port" of script "tcp"; expected args = { port = … }
