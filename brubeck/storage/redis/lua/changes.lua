-- ARGV: a fresh era, the position to go on from, limit, how many to look at, conditions, now, and a
-- viewer behind a "=", or nothing.
-- Returns the head (position, era, horizon, floor, version), the position that was reached, whether
-- the changes ended there, the viewer's own horizon, the position of the last change that concerns
-- the viewer, and for each change: position, id, item (empty: gone).

local answer = enter(ARGV[1])
local reached, limit, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local conditions = read_conditions(ARGV[5])
local viewer, order = nil, CHANGES
local horizon, last = '0', '0'
if ARGV[7] ~= '' then
  tick(answer, tonumber(ARGV[6]))
  viewer = string.sub(ARGV[7], 2)
  order = select(2, of_viewer(viewer))
  horizon = text(tonumber(redis.call('ZSCORE', HORIZONS, viewer) or '0'))
  last = redis.call('ZRANGE', order, -1, -1, 'WITHSCORES')[2]
  last = last and text(tonumber(last)) or '0'
end
local found, looked = 0, 0

-- Return whether a change is shown, and as live.
local function shown(id, position, item)
  local live = item and string.find(item, ' ', 1, true)
  if #conditions == 0 and not viewer then
    return true, live
  end
  if not item or string.match(item, '^%d+') ~= position then
    return true, false -- it left the viewer's sight there, whatever has become of it since
  end
  local past = past_of(id)
  if viewer and not holds(past.s, viewer) then
    return true, false
  end
  if live and meets(conditions, past.v) then
    return true, true
  end
  if viewer and past.l and holds(past.l, viewer) then
    return true, false -- it came late: what the former values were is not for it to know
  end
  return may_have_met(conditions, past.v, past.f), false
end

local ended = false
while found < limit and looked < most and spent <= ENOUGH do
  local step = math.min(most - looked, #conditions == 0 and limit or 200)
  local some =
    redis.call('ZRANGEBYSCORE', order, '(' .. reached, '+inf', 'WITHSCORES', 'LIMIT', 0, step)
  for at = 1, #some, 2 do
    local id = some[at]
    reached = text(tonumber(some[at + 1]))
    looked = looked + 1
    local item = redis.call('HGET', ITEMS, id)
    spend(LOOK + #(item or '') / PLAIN)
    local show, live = shown(id, reached, item)
    if show then
      found = found + 1
      local next = 7 + 3 * found
      answer[next], answer[next + 1], answer[next + 2] = reached, id, live and item or ''
    end
    if found == limit or spent > ENOUGH then
      break
    end
  end
  if found < limit and spent <= ENOUGH and #some < 2 * step then
    ended = true
    break
  end
end
answer[6], answer[7], answer[8], answer[9] = reached, ended and '1' or '', horizon, last
return answer
