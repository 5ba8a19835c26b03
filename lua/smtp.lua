-- smtp: up when a mail server greets, answers EHLO and takes leave.
--
--     check "mx" { script = "smtp", args = { port = 25, starttls = true } }
--
-- port      25; a member's own probe port wins over it
-- helo      the name that we give in EHLO; "localhost"
-- starttls  true: the server must offer STARTTLS

-- One reply (RFC 5321 4.2): lines "250-…", the last "250 …". Returns its code and its lines without it.
local function reply(conn)
  local lines = {}
  repeat
    local code, more, text = conn:readline():match("^(%d%d%d)([ -]?)(.*)$")
    assert(code, "not an SMTP reply")
    lines[#lines + 1] = text
    assert(#lines <= 100, "a reply without an end")
    if more ~= "-" then
      return code, lines
    end
  until false
end

local function expect(conn, what, wanted)
  local code, lines = reply(conn)
  assert(code == wanted, what .. ": " .. code .. " " .. lines[1])
  return lines
end

return {
  args = { port = "integer?", helo = "string?", starttls = "boolean?" },
  run = function (target, args)
    local helo = args.helo or "localhost"
    assert(not helo:find("[%c ]"), "helo must be a name")
    local conn <close> = net.connect(target.address, target.port or args.port or 25)
    local greeting = expect(conn, "greeting", "220")[1]
    conn:send("EHLO " .. helo .. "\r\n")
    local offers = false
    for _, line in ipairs(expect(conn, "EHLO", "250")) do
      offers = offers or line:upper() == "STARTTLS"
    end
    assert(offers or not args.starttls, "STARTTLS is not offered")
    pcall(conn.send, conn, "QUIT\r\n")
    return true, greeting
  end
}
