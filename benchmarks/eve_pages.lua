-- Asks Eve for another page each time: from a random moment of the week of earthquakes.
local first, last = 1517400000000, 1517966000000

request = function()
  local at = first + math.floor(math.random() * (last - first))
  local where = '%7B%22created_at%22:%7B%22$lt%22:' .. string.format("%.0f", at) .. '%7D%7D'
  return wrk.format("GET", "/quakes?where=" .. where)
end
