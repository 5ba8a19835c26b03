-- Cases of haproxy_agent.lua: gemelctl test lua/haproxy_agent.lua
local function says(text)
  return { { connect = 9707 }, { reply = text, close = true } }
end
local args = { port = 9707 }

return {
  { name = "up", args = args, want = "up", weight = 100, mock = says("up\n") },
  { name = "a percentage is the weight", args = args, want = "up", weight = 75, mock = says("75%\n") },
  { name = "up and a percentage", args = args, want = "up", weight = 30, mock = says("up 30%\n") },
  { name = "more than all", args = args, want = "up", weight = 100, mock = says("150%\n") },
  { name = "nothing at all is down", args = args, want = "down", weight = 0, mock = says("0%\n") },
  { name = "down, and why", args = args, want = "down", reason = "the agent says down: disk full", mock = says("down #disk full\n") },
  { name = "drain", args = args, want = "down", reason = "the agent says drain", mock = says("drain\n") },
  { name = "maint", args = args, want = "down", reason = "the agent says maint", mock = says("maint\n") },
  { name = "words of no consequence", args = args, want = "up", weight = 50, mock = says("ready maxconn:30 50%\n") },
  { name = "a carriage return will do", args = args, want = "up", mock = says("up\r\n") },
  { name = "no line's end, but it closes", args = args, want = "up", weight = 40, mock = says("40%") },
  { name = "in pieces", args = args, want = "up", weight = 55, mock = { { reply = "5" }, { reply = "5%" }, { reply = "\n" } } },
  { name = "what is sent first", args = { port = 9707, send = "web\n" }, want = "up", mock = { { expect = "web\n", reply = "up\n" } } },
  { name = "is no agent", args = args, want = "down", reason = "not an agent's reply: hello", mock = says("hello\n") },
  { name = "says nothing", args = args, want = "down", reason = "connection closed", mock = { { connect = 9707 }, { close = true } } },
  { name = "hangs", args = args, want = "down", reason = "read timeout", mock = { { connect = 9707 }, { silent = true } } },
  { name = "nothing listens", args = args, want = "down", reason = "connect refused", mock = { { fail = "connect refused" } } },
}
