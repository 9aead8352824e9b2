-- ARGV: the keys between which it counts (as a page's), the bound, how many to look at, conditions,
-- what leads to the candidates, and a viewer behind a "=", or nothing. It goes downwards.
-- Returns how many meet the conditions, how many it looked at, and the place to go on from.

low_at, low_id, high_at, high_id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local bound, most = tonumber(ARGV[5]), tonumber(ARGV[6])
local conditions = read_conditions(ARGV[7])
lead = cmsgpack.unpack(ARGV[8])
descending = true
look_through(ARGV[9])

if #conditions == 0 then
  local all = rank(timeline, high_at, high_id) - rank(timeline, low_at, low_id)
  if all > bound then
    return {bound, bound, '0', ''}
  end
  return {all, all, '', ''}
end

set_out()
local total, looked, last_id, last_at = 0, 0, '', ''
while true do
  local id, at = next_member()
  if not id then
    return {total, looked, '', ''}
  end
  if looked == bound or looked == most or (looked > 0 and spent > enough) then
    return {total, looked, last_at, last_id}
  end
  looked = looked + 1
  last_id, last_at = id, at
  spend(LOOK)
  local past = past_of(id)
  if past and meets(conditions, past.v) then
    total = total + 1
  end
end
