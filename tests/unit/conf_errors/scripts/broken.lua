return { args = { port = "integer" },
  run = function (target, args)
    local x = = 1
  end }
