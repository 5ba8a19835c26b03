-- mysql: up when a MySQL or MariaDB server greets, and, where a user is given, when that user can log in.
--
--     check "db" { script = "mysql", args = { user = "gemel" } }       CREATE USER gemel@'192.0.2.%';
--
-- port   3306; a member's own probe port wins over it
-- user   an account without a password and without rights. Without it the server counts each probe as a connection
--        that was broken off, and after max_connect_errors of them in a row it refuses this machine
local PROTOCOL_41, SECURE, PLUGIN_AUTH = 0x200, 0x8000, 0x80000

local function read(conn, n)
  local got = ""
  while #got < n do
    got = got .. conn:read(n - #got)
  end
  return got
end

-- One packet: its octets and its number. An error packet (its text stands behind code and state) is what it says.
local function packet(conn)
  local len, number = string.unpack("<I3B", read(conn, 4))
  assert(len >= 1 and len <= 4096, "not a MySQL server")
  local body = read(conn, len)
  if body:byte() == 0xff then
    assert(len >= 3, "not a MySQL server")
    error(body:sub(4):gsub("^#.....", ""), 0)
  end
  return body, number
end

local function send(conn, number, body)
  conn:send(string.pack("<I3B", #body, number) .. body)
end

return {
  args = { port = "integer?", user = "string?" },
  run = function (target, args)
    local conn <close> = net.connect(target.address, target.port or args.port or 3306)
    local hello = packet(conn)
    local version = hello:match("^\10([^\0]+)\0")
    assert(version, "not a MySQL server")
    if args.user then
      send(conn, 1, string.pack("<I4I4Bc23zs1z", PROTOCOL_41 | SECURE | PLUGIN_AUTH, 65536, 33, "", args.user, "",
                                "mysql_native_password"))
      local body, number = packet(conn)
      if body:byte() == 0xfe then -- asked to answer another way: still without a password
        send(conn, number + 1, "")
        body = packet(conn)
      end
      assert(body:byte() == 0, "the login was not accepted")
      pcall(send, conn, 0, "\1") -- quit
    end
    return true, (version:gsub("^5%.5%.5%-", "")) -- MariaDB puts it before its own
  end
}
