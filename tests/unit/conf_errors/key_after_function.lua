require "base"
service "www.example.test" {
	check = (function () local a, b = { 1 }, "}"; return "web" end)(),
	tiers = { { "192.0.2.1" } },
	answr = 1,
}
--> key_after_function.lua:5: unknown key "answr"; expected a key of service; did you mean "answer"
