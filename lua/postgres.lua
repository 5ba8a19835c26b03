-- postgres: up when a PostgreSQL server takes sessions: it asks for a password, or begins the session.
--
--     check "db" { script = "postgres" }
--     check "db-primary" { script = "postgres", args = { user = "monitor", role = "primary" } }
--
-- port      5432; a member's own probe port wins over it
-- user      "gemel"; it need not exist, but then the server logs each probe
-- database  as the user
-- role      "primary" or "standby": seen once a session began, so the user must need no password (a "trust" line in
--           pg_hba.conf); PostgreSQL 14 or later
--
-- While the server starts up or shuts down, and when it has no connection left, it is down.
local roles = { primary = "off", standby = "on" }
local refusals = { ["57P03"] = true, ["53300"] = true } -- cannot connect now; too many connections

local function read(conn, n)
  local got = ""
  while #got < n do
    got = got .. conn:read(n - #got)
  end
  return got
end

-- One message: its type and its octets.
local function message(conn)
  local kind, len = string.unpack(">c1I4", read(conn, 5))
  assert(len >= 4 and len <= 30000, "not a PostgreSQL server")
  return kind, read(conn, len - 4)
end

-- "E": fields, each a letter and a text.
local function refused(fields)
  local code, text = "", "an error"
  for letter, value in fields:gmatch("(%a)([^\0]*)\0") do
    code = letter == "C" and value or code
    text = letter == "M" and value or text
  end
  assert(not refusals[code] and code ~= "", text)
  return true, text
end

return {
  args = { port = "integer?", user = "string?", database = "string?", role = "string?" },
  run = function (target, args)
    local user, role = args.user or "gemel", args.role
    if role and not roles[role] then
      return nil, 'role is "' .. role .. '"; expected "primary" or "standby"'
    end
    local conn <close> = net.connect(target.address, target.port or args.port or 5432)
    local start = string.pack(">I4zzzzx", 196608, "user", user, "database", args.database or user)
    conn:send(string.pack(">I4", #start + 4) .. start)
    local kind, body = message(conn)
    if kind == "E" then
      assert(not role, "the role cannot be seen: " .. select(2, refused(body)))
      return refused(body)
    end
    assert(kind == "R" and #body >= 4, "not a PostgreSQL server")
    if not role then
      return true
    end
    assert(string.unpack(">I4", body) == 0, "the role cannot be seen: a password is asked for")
    for _ = 1, 100 do
      kind, body = message(conn)
      if kind == "E" then
        local _, text = refused(body)
        error(text, 0)
      end
      assert(kind ~= "Z", "the role cannot be seen: PostgreSQL 14 or later tells it")
      if kind == "S" and body:sub(1, 15) == "in_hot_standby\0" then
        pcall(conn.send, conn, "X\0\0\0\4")
        assert(body:sub(16, -2) == roles[role], "this is not a " .. role)
        return true, role
      end
    end
    error("the session does not begin", 0)
  end
}
