node "ns1" { listen = "127.0.0.1:5301",
	on_event = { "notify", "--pager" } }
zone "example.test" { file = "example.test.zone" }
--> on_event_path.lua:2: "on_event" runs "notify"; expected an absolute path such as "/usr/local/bin/notify"
