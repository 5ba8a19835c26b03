-- Cases of mysql.lua: gemelctl test lua/mysql.lua
local function packet(number, body)
  return string.pack("<I3B", #body, number) .. body
end
local greeting = packet(0, "\0108.0.36\0" .. ("x"):rep(40))
local maria = packet(0, "\0105.5.5-10.11.6-MariaDB\0" .. ("x"):rep(40))
local ok, quit = packet(2, "\0\0\0\2\0\0\0"), packet(0, "\1")

-- The login of this user, whatever else stands in it.
local function login(user)
  return function (sent)
    return sent:find(user .. "\0", 1, true) and sent:byte(4) == 1, "no login of " .. user
  end
end

return {
  { name = "greets", want = "up", reason = "8.0.36", mock = { { connect = 3306 }, { reply = greeting } } },
  { name = "MariaDB's version without what it puts before", want = "up", reason = "10.11.6-MariaDB", mock = { { reply = maria } } },
  { name = "greets in pieces", want = "up", mock = { { reply = greeting:sub(1, 2) }, { reply = greeting:sub(3, 9) }, { reply = greeting:sub(10) } } },
  { name = "lets the user in", args = { user = "gemel" }, want = "up",
    mock = { { reply = greeting }, { expect = login("gemel"), reply = ok }, { expect = quit } } },
  { name = "asks to answer another way", args = { user = "gemel" }, want = "up",
    mock = {
      { reply = greeting },
      { expect = login("gemel"), reply = packet(2, "\254mysql_native_password\0") },
      { expect = packet(3, ""), reply = ok },
      { expect = quit },
    } },
  { name = "does not let the user in", args = { user = "gemel" }, want = "down", reason = "Access denied",
    mock = { { reply = greeting }, { expect = login("gemel"), reply = packet(2, "\255\21\4#28000Access denied for user 'gemel'") } } },
  { name = "has blocked us", want = "down", reason = "Host '192.0.2.9' is blocked",
    mock = { { reply = packet(0, "\255\105\4Host '192.0.2.9' is blocked"), close = true } } },
  { name = "is no MySQL server", want = "down", reason = "not a MySQL server", mock = { { reply = "SSH-2.0-OpenSSH_9.2\r\n" } } },
  { name = "does not greet", want = "down", reason = "read timeout", mock = { { connect = 3306 }, { silent = true } } },
  { name = "nothing listens", want = "down", reason = "connect refused", mock = { { fail = "connect refused" } } },
}
