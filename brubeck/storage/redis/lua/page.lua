-- A page without conditions. ARGV: a fresh era, limit, "-" for descending, the keys between which it
-- moves (the first is in it, the second is not: created_at and id of each), three that only a page
-- with conditions needs; a known head, as it is returned; now; and a viewer behind a "=", or nothing.
-- Returns the head (position, era, horizon, floor, version), and unless it is the known one: the
-- place to go on from (created_at and id, or two empty texts), the viewer's own horizon, the ids, and
-- lists of their items: as many together as there are ids, or fewer.

local head, horizon, largest = enter_page()
if ARGV[11] ~= '' and ARGV[11] == table.concat(head, '~') then
  return head
end
look_through(ARGV[13])
local limit = tonumber(ARGV[2])
local low, high = rank(timeline, ARGV[4], ARGV[5]), rank(timeline, ARGV[6], ARGV[7])
local ids = {}
if high > low and ARGV[3] == '-' then
  local some = redis.call('ZRANGE', timeline, math.max(low, high - limit), high - 1)
  for at = #some, 1, -1 do
    ids[#ids + 1] = some[at]
  end
elseif high > low then
  ids = redis.call('ZRANGE', timeline, low, math.min(high, low + limit) - 1)
end
return page_of(head, horizon, largest, ids, high - low > limit)
