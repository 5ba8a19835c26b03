node "ns1" { listen = "127.0.0.1:5301",
	on_event = {
		"/nowhere/notify" } }
zone "example.test" { file = "example.test.zone" }
--> on_event_absent.lua:3: "on_event" runs /nowhere/notify: No such file or directory; expected a program
