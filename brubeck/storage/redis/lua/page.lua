-- ARGV: a fresh era, limit, "-" for descending, the keys between which it moves (the first is in
-- it, the second is not: created_at and id of each), how many to look at, conditions, and the
-- {field, {value, ...}} that leads to the candidates (or {}); a known head, as it is returned; now;
-- and a viewer behind a "=", or nothing.
-- Returns the head (position, era, horizon, floor, version), and unless it is the known one: the
-- place to go on from (created_at and id, or two empty texts), the viewer's own horizon, and id and
-- item of each.

local head = enter(ARGV[1])
local horizon = '0'
if ARGV[13] ~= '' then
  tick(head, tonumber(ARGV[12]))
  horizon = text(tonumber(redis.call('ZSCORE', HORIZONS, string.sub(ARGV[13], 2)) or '0'))
end
if ARGV[11] == table.concat(head, '~') then
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

if #conditions == 0 then
  local low, high = rank(timeline, low_at, low_id), rank(timeline, high_at, high_id)
  more = high - low > limit
  if high > low and descending then
    local some = redis.call('ZRANGE', timeline, math.max(low, high - limit), high - 1)
    for at = #some, 1, -1 do
      ids[#ids + 1] = some[at]
    end
  elseif high > low then
    ids = redis.call('ZRANGE', timeline, low, math.min(high, low + limit) - 1)
  end
  if more then
    last_id = ids[#ids]
    last_at = redis.call('ZSCORE', timeline, last_id)
  end
else
  set_out()
  local looked = 0
  while true do
    local id, at = next_member()
    if not id then
      break
    end
    if #ids == limit or looked == most or (looked > 0 and spent > ENOUGH) then
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
end

-- The items, a few at a time while they are large: a step ends with the one that fills it.
local answer, size = head, 0
answer[6], answer[7], answer[8] = '', '', horizon
local first, count = 1, 3
while first <= #ids do
  local items = redis.call('HMGET', ITEMS, unpack(ids, first, math.min(#ids, first + count - 1)))
  for at, item in ipairs(items) do
    answer[#answer + 1] = ids[first + at - 1]
    answer[#answer + 1] = item
    size = size + #item
    if size >= STEP_BYTES then
      more, last_id = true, ids[first + at - 1]
      last_at = redis.call('ZSCORE', timeline, last_id)
      break
    end
  end
  if size >= STEP_BYTES then
    break
  end
  first = first + count
  count = math.min(100, math.ceil((STEP_BYTES - size) * (first - 1) / size)) -- as large ones
end
if more then
  answer[6], answer[7] = last_at, last_id
end
return answer
