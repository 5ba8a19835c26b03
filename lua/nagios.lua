-- nagios: runs a monitoring plugin and takes its word: OK is up, CRITICAL is down, UNKNOWN is unknown.
--
--     check "ssh" { script = "nagios", args = { command = "check_ssh -t 2 $HOSTADDRESS$" } }
--     check "app" { script = "nagios", args = { command = "/opt/check_app --host $HOSTADDRESS$ --vhost '$SERVICE$'" } }
--
-- command  the plugin and its arguments, split at spaces; '…' and "…" keep them together. There is no shell.
--          A plugin without a "/" is looked for in /usr/lib/nagios/plugins. Macros:
--            $HOSTADDRESS$ or $ADDRESS$   the address that is probed
--            $HOSTNAME$                   the host's name in the configuration, else the service's owner name
--            $SERVICE$                    the service's owner name
--            $PORT$                       the port of the member's probe address, else the argument port
-- port     for $PORT$
-- warning  what WARNING means: "up" (default) or "down"
local FOLDER = "/usr/lib/nagios/plugins/"

-- Macros are put in after the splitting: what they stand for is never more than one argument, or part of it.
local function split(command, macros)
  local words, word, at = {}, nil, 1
  local function add(text)
    word = (word or "") .. text:gsub("%$(%u+)%$", function (name) return macros[name] end)
  end
  while at <= #command do
    local c = command:sub(at, at)
    if c == " " or c == "\t" then
      words[#words + 1], word = word, nil
      at = at + 1
    elseif c == "'" or c == '"' then
      local to = command:find(c, at + 1, true) or #command + 1
      add(command:sub(at + 1, to - 1))
      at = to + 1
    else
      local to = command:find("[ \t'\"]", at) or #command + 1
      add(command:sub(at, to - 1))
      at = to
    end
  end
  words[#words + 1] = word
  return words
end

return {
  plugins = true,
  args = { command = "string", port = "integer?", warning = "string?" },
  run = function (target, args)
    local warning = args.warning or "up"
    if warning ~= "up" and warning ~= "down" then
      return nil, 'warning is "' .. warning .. '"; expected "up" or "down"'
    end
    local words = split(args.command, {
      ADDRESS = target.address, HOSTADDRESS = target.address, HOSTNAME = target.host or target.owner,
      SERVICE = target.owner, PORT = tostring(target.port or args.port or "")
    })
    if not words[1] then
      return nil, "command is empty"
    end
    words[1] = words[1]:find("/", 1, true) and words[1] or FOLDER .. words[1]
    local plugin = run(table.unpack(words))
    if plugin.status == "unknown" then
      return nil, plugin.output
    end
    return plugin.status == "ok" or (plugin.status == "warning" and warning == "up"), plugin.output
  end
}
