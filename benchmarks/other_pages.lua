-- Asks for another page each time: from a random moment of the week of earthquakes.
local first, last = 1517400000000, 1517966000000

request = function()
  local at = first + math.floor(math.random() * (last - first))
  return wrk.format("GET", "/quakes?before=" .. string.format("%.0f", at) .. "~zz")
end
