-- haproxy_agent: asks an agent that speaks HAProxy's agent-check text: "up", "down #disk full", "75%", "drain", "maint".
--
--     check "app" { script = "haproxy_agent", args = { port = 9707 } }
--
-- port   the agent's; a member's own probe port wins over it
-- send   text to send once connected (HAProxy's agent-send)
--
-- A percentage is the weight; "drain", "maint", "stopped", "fail" and "down" take the member out. Words of no
-- consequence ("ready", "maxconn:30") are skipped; a line without any word that is known is a wrong reply.
local out = { down = true, fail = true, stopped = true, drain = true, maint = true }

return {
  args = { port = "integer", send = "string?" },
  run = function (target, args)
    local conn <close> = net.connect(target.address, target.port or args.port)
    if args.send then
      conn:send(args.send)
    end
    local text = ""
    repeat -- a line, or all there is until the agent closes
      local more, got = pcall(conn.read, conn, 1024 - #text)
      assert(more or (got.reason == "connection closed" and text ~= ""), got)
      text = more and text .. got or text .. "\n"
    until text:find("[\r\n]") or #text == 1024
    local line = text:match("^[^\r\n]*")
    local words, why = line:match("^([^#]*)#?(.*)$")
    local weight, known = 100, false
    for word in words:lower():gmatch("[^ \t,]+") do
      local percent = word:match("^(%d+)%%$")
      if out[word] then
        error("the agent says " .. word .. (why ~= "" and ": " .. why or ""), 0)
      end
      known = known or percent or word == "up" or word == "ready"
      weight = percent and math.min(100, tonumber(percent)) or weight
    end
    assert(known, "not an agent's reply: " .. line)
    return weight, line
  end
}
