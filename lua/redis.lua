-- redis: up when a Redis server answers PING, and, where asked, when it has the role that it should have.
--
--     check "cache" { script = "redis" }
--     check "writer" { script = "redis", args = { password = "secret", role = "master" } }
--
-- port      6379; a member's own probe port wins over it
-- password  for AUTH
-- user      for AUTH; the default user
-- role      "master" or "replica"
local roles = { master = "master", replica = "slave" }

-- The lengths make a command safe whatever its words hold.
local function ask(conn, ...)
  local command = "*" .. select("#", ...) .. "\r\n"
  for _, word in ipairs({ ... }) do
    command = command .. "$" .. #word .. "\r\n" .. word .. "\r\n"
  end
  conn:send(command)
  local line = conn:readline()
  assert(line:sub(1, 1) ~= "-", line:sub(2)) -- an error: "NOAUTH …", "LOADING …"
  return line
end

return {
  args = { port = "integer?", password = "string?", user = "string?", role = "string?" },
  run = function (target, args)
    local role = args.role
    if role and not roles[role] then
      return nil, 'role is "' .. role .. '"; expected "master" or "replica"'
    end
    local conn <close> = net.connect(target.address, target.port or args.port or 6379)
    if args.user then
      ask(conn, "AUTH", args.user, args.password or "")
    elseif args.password then
      ask(conn, "AUTH", args.password)
    end
    local pong = ask(conn, "PING")
    assert(pong == "+PONG", "unexpected reply to PING: " .. pong)
    if role then
      assert(ask(conn, "ROLE"):match("^%*%d"), "unexpected reply to ROLE")
      assert(conn:readline():match("^%$%d"), "unexpected reply to ROLE")
      local is = conn:readline()
      assert(is == roles[role], "the role is " .. is .. ", expected " .. role)
    end
    return true, role
  end
}
