-- What the scripts of a stream share; it stands before each of them.
--
-- KEYS[1] is the head of the stream, a hash; everything else of the stream lies under keys that
-- begin with it, so under the same hash tag:
--   :items       id -> "position created_at body", or "position" of a tombstone
--   :past        id -> the values of indexed fields, former values and tokens (MessagePack)
--   :timeline    created_at -> id, what is live
--   :changes     position -> id
--   :tombstones  position -> id
--   :by:F:V      created_at -> id, what is live and has the value V in the field F

local HEAD = KEYS[1]
local ITEMS = HEAD .. ':items'
local PAST = HEAD .. ':past'
local TIMELINE = HEAD .. ':timeline'
local CHANGES = HEAD .. ':changes'
local TOMBSTONES = HEAD .. ':tombstones'

-- A position as text: tostring() would keep 14 digits of it.
local function text(number)
  return string.format('%.0f', number)
end

-- Return position, era, horizon and version of the set of indexes. A server that is not the one
-- which wrote here last may have lost what it had acknowledged: with it a new era begins.
local function enter(fresh_era)
  local head = redis.call('HMGET', HEAD, 'position', 'era', 'horizon', 'version', 'life')
  local life = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  if head[5] ~= life then
    redis.call('HSET', HEAD, 'era', fresh_era, 'life', life)
    head[2] = fresh_era
  end
  return head[1] or '0', head[2], head[3] or '0', head[4] or '0'
end

-- Compare by bytes, as sorted sets do; the operators of Lua ask the locale.
local function less(a, b)
  local shorter = math.min(#a, #b)
  for at = 1, shorter do
    local x, y = string.byte(a, at), string.byte(b, at)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

-- The key of the order of those that have a value in a field.
local function by_value(field, value)
  if #value > 64 then
    value = '#' .. redis.sha1hex(value)
  end
  return HEAD .. ':by:' .. field .. ':' .. value
end

-- Return how many members of an order stand before (at, id): a binary search among ties, also
-- where nothing stands at that very place.
local function rank(order, at, id)
  local low = redis.call('ZCOUNT', order, '-inf', '(' .. at)
  if id == '' then
    return low
  end
  local whole, after = id, 0
  if string.byte(id, -1) == 0 then
    whole, after = string.sub(id, 1, -2), 1
  end
  local score = redis.call('ZSCORE', order, whole)
  if score and tonumber(score) == tonumber(at) then
    return redis.call('ZRANK', order, whole) + after
  end
  local high = redis.call('ZCOUNT', order, '-inf', at)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if less(redis.call('ZRANGE', order, middle, middle)[1], id) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

local compare = {
  eq = function(value, wanted) return value == wanted end,
  gt = function(value, wanted) return less(wanted, value) end,
  gte = function(value, wanted) return not less(value, wanted) end,
  lt = function(value, wanted) return less(value, wanted) end,
  lte = function(value, wanted) return not less(wanted, value) end,
}

local function any(values, operator, wanted)
  local holds = compare[operator == 'in' and 'eq' or operator]
  for _, value in ipairs(values or {}) do
    for _, each in ipairs(wanted) do
      if holds(value, each) then
        return true
      end
    end
  end
  return false
end

-- Conditions are {field, operator, {value, ...}}.
local function meets(conditions, values)
  for _, condition in ipairs(conditions) do
    if not any(values[condition[1]], condition[2], condition[3]) then
      return false
    end
  end
  return true
end

local function may_have_met(conditions, values, former)
  for _, condition in ipairs(conditions) do
    local past = former[condition[1]]
    if past ~= false
      and not any(values[condition[1]], condition[2], condition[3])
      and not any(past, condition[2], condition[3])
    then
      return false
    end
  end
  return true
end
