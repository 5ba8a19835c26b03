-- tcp: up when the target takes a connection, and, where asked, when it says what it should.
--
--     check "smtp" { script = "tcp", args = { port = 25, expect = "220" } }
--     check "redis" { script = "tcp", args = { port = 6379, send = "PING\r\n", expect = "+PONG" } }
--
-- port     the port; a member's own probe port wins over it
-- send     text to send once connected
-- expect   text that the answer must contain within its first 4096 octets
return {
  args = { port = "integer", send = "string?", expect = "string?" },
  run = function (target, args)
    local conn <close> = net.connect(target.address, target.port or args.port)
    if args.send then
      conn:send(args.send)
    end
    if args.expect then
      local got = ""
      repeat
        local more, failure = true, nil
        assert(#got < 4096, "the answer does not contain what is expected")
        more, failure = pcall(function () got = got .. conn:read(4096 - #got) end)
        if not more then
          assert(got == "" or failure.reason ~= "connection closed", "the answer does not contain what is expected")
          error(failure)
        end
      until got:find(args.expect, 1, true)
    end
    return true
  end
}
