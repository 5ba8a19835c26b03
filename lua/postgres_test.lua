-- Cases of postgres.lua: gemelctl test lua/postgres.lua
local function message(kind, body)
  return kind .. string.pack(">I4", #body + 4) .. body
end
local function start(user, database)
  local body = string.pack(">I4zzzzx", 196608, "user", user, "database", database)
  return string.pack(">I4", #body + 4) .. body
end
local function refusal(code, text)
  return message("E", "SFATAL\0C" .. code .. "\0M" .. text .. "\0\0")
end
local trusted, password = message("R", "\0\0\0\0"), message("R", "\0\0\0\5salt")
local terminate = "X\0\0\0\4"

return {
  { name = "asks for a password", want = "up", mock = { { connect = 5432 }, { expect = start("gemel", "gemel"), reply = password } } },
  { name = "lets in", want = "up", mock = { { expect = start("gemel", "gemel"), reply = trusted } } },
  { name = "another user and database", args = { user = "monitor", database = "postgres", port = 5433 }, want = "up",
    mock = { { connect = 5433 }, { expect = start("monitor", "postgres"), reply = password } } },
  { name = "does not know the user", want = "up", reason = 'role "gemel" does not exist',
    mock = { { expect = start("gemel", "gemel"), reply = refusal("28000", 'role "gemel" does not exist') } } },
  { name = "starts up", want = "down", reason = "the database system is starting up",
    mock = { { expect = start("gemel", "gemel"), reply = refusal("57P03", "the database system is starting up") } } },
  { name = "has no connection left", want = "down", reason = "sorry, too many clients already",
    mock = { { expect = start("gemel", "gemel"), reply = refusal("53300", "sorry, too many clients already") } } },
  { name = "is the primary", args = { role = "primary" }, want = "up", reason = "primary",
    mock = {
      { expect = start("gemel", "gemel"), reply = trusted .. message("S", "server_version\00015.5\0") .. message("S", "in_hot_standby\0off\0") },
      { expect = terminate },
    } },
  { name = "is a standby", args = { role = "primary" }, want = "down", reason = "this is not a primary",
    mock = { { expect = start("gemel", "gemel"), reply = trusted .. message("S", "in_hot_standby\0on\0") }, { expect = terminate } } },
  { name = "an older server does not tell its role", args = { role = "primary" }, want = "down", reason = "PostgreSQL 14 or later tells it",
    mock = { { expect = start("gemel", "gemel"), reply = trusted .. message("Z", "I") } } },
  { name = "a password hides the role", args = { role = "standby" }, want = "down", reason = "a password is asked for",
    mock = { { expect = start("gemel", "gemel"), reply = password } } },
  { name = "a role that there is not", args = { role = "master" }, want = "unknown", reason = 'role is "master"' },
  { name = "is no PostgreSQL server", want = "down", reason = "wrong reply",
    mock = { { expect = start("gemel", "gemel"), reply = "HTTP/1.1 400 Bad Request\r\n" } } },
  { name = "hangs", want = "down", reason = "read timeout", mock = { { expect = start("gemel", "gemel"), silent = true } } },
  { name = "nothing listens", want = "down", reason = "connect refused", mock = { { fail = "connect refused" } } },
}
