-- A page with conditions. ARGV: a fresh era, limit, "-" for descending, the keys between which it
-- moves (the first is in it, the second is not: created_at and id of each), how many to look at,
-- conditions, and the {field, {value, ...}} that leads to the candidates (or {}); a known head, as it
-- is returned; now; and a viewer behind a "=", or nothing.
-- Returns the head (position, era, horizon, floor, version), and unless it is the known one: the
-- place to go on from (created_at and id, or two empty texts), the viewer's own horizon, the ids, and
-- lists of their items: as many together as there are ids, or fewer.

local head, horizon, largest = enter_page()
if ARGV[11] ~= '' and ARGV[11] == table.concat(head, '~') then
  return head
end
look_through(ARGV[13])
local limit, most = tonumber(ARGV[2]), tonumber(ARGV[8])
descending = ARGV[3] == '-'
low_at, low_id, high_at, high_id = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local conditions = read_conditions(ARGV[9])
lead = cmsgpack.unpack(ARGV[10])

local ids, last_id, last_at = {}, '', ''
local more = false
set_out()
local looked = 0
while true do
  local id, at = next_member()
  if not id then
    break
  end
  if #ids == limit or looked == most or (looked > 0 and spent > enough) then
    more = true
    break
  end
  looked = looked + 1
  last_id, last_at = id, at
  spend(LOOK)
  local past = past_of(id)
  if past and meets(conditions, past.v) then
    ids[#ids + 1] = id
  end
end
return page_of(head, horizon, largest, ids, more, last_at, last_id)
