-- ARGV: a fresh era, the position to go on from, limit, how many to look at, conditions.
-- Returns the head (position, era, horizon, version), the position that was reached, whether the
-- changes ended there, and for each change: position, id, item (empty: gone).

local position, era, horizon, version = enter(ARGV[1])
local reached, limit, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local conditions = cmsgpack.unpack(ARGV[5])
local answer = {position, era, horizon, version, '', ''}
local found, looked = 0, 0

local function shown(id, item)
  local live = string.find(item, ' ', 1, true)
  if #conditions == 0 then
    return true, live
  end
  local past = cmsgpack.unpack(redis.call('HGET', PAST, id))
  if live and meets(conditions, past.v) then
    return true, true
  end
  return may_have_met(conditions, past.v, past.f), false
end

local ended = false
while found < limit and looked < most do
  local step = math.min(most - looked, #conditions == 0 and limit or 200)
  local some =
    redis.call('ZRANGEBYSCORE', CHANGES, '(' .. reached, '+inf', 'WITHSCORES', 'LIMIT', 0, step)
  for at = 1, #some, 2 do
    local id = some[at]
    reached = text(tonumber(some[at + 1]))
    looked = looked + 1
    local item = redis.call('HGET', ITEMS, id)
    local show, live = shown(id, item)
    if show then
      found = found + 1
      answer[#answer + 1] = reached
      answer[#answer + 1] = id
      answer[#answer + 1] = live and item or ''
      if found == limit then
        break
      end
    end
  end
  if found < limit and #some < 2 * step then
    ended = true
    break
  end
end
answer[5], answer[6] = reached, ended and '1' or ''
return answer
