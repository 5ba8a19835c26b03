node "ns1" { listen = "127.0.0.1:5301", on_event = { "/bin/sh",
	rate = 0,
	timeout = "5m",
	kinds = { "answer", "verdicts" },
	rates = 5 } }
zone "example.test" { file = "example.test.zone" }
--> on_event_rate.lua:2: "rate" is 0; expected a whole number from 1 to 6000
--> on_event_rate.lua:5: unknown key "rates"; expected a key of on_event; did you mean "rate"
--> on_event_rate.lua:3: "timeout" is "5m"; expected a duration from 100ms to 1m, such as 5, "200ms" or "10m"
--> on_event_rate.lua:4: item 2 of "kinds" is "verdicts"; expected a kind of event, or a list of them such as { "answer", "alarm" }; did you mean "verdict"
