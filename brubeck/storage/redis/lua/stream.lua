-- What the scripts of a stream share: before each of them stand the definitions that it uses. Each
-- begins with "local" at the start of a line, and nothing else does.
--
-- The last of ARGV is the run id of the server for every script that enters: see enter().
--
-- KEYS[1] is the head of the stream, a hash; everything else of the stream lies under keys that
-- begin with it, so under the same hash tag:
--   :items       id -> "position created_at version body", or "position" of a tombstone; an item that
--                was written before versions were counted has none
--   :past        id -> values of indexed fields (v), former values (f), tokens (t) and who may see
--                the item, or might when it was deleted (s), and which of them came when it was
--                there already, if any (l); MessagePack
--   :timeline    created_at -> id, what is live
--   :changes     position -> id
--   :tombstones  position -> id
--   :by:F:V      created_at -> id, what is live and has the value V in the field F
--   :of:W        created_at -> id, what is live and in the sight of the viewer W
--   :seen:W      position -> id, what is in the sight of W, or where it left it
--   :departures  position -> W, NUL, id: what left a sight
--   :horizons    position -> W, where the last change was purged that concerned W

local HEAD = KEYS[1]
local ITEMS = HEAD .. ':items'
local PAST = HEAD .. ':past'
local TIMELINE = HEAD .. ':timeline'
local CHANGES = HEAD .. ':changes'
local TOMBSTONES = HEAD .. ':tombstones'
local DEPARTURES = HEAD .. ':departures'
local HORIZONS = HEAD .. ':horizons'
local TICK = 1000000
local UNBORN = '0'

-- The work of a script is counted in what takes about a microsecond, and a script ends when it has
-- done ENOUGH: Redis serves nobody else meanwhile. Its caller goes on with another.
local ENOUGH = 2500
local WRITE, KEY, LOOK = 10, 2, 3
local PACKED, PLAIN = 40, 200 -- bytes that are unpacked or packed, and those that are only moved
local spent = 0

local function spend(work)
  spent = spent + work
end

-- Return the members of a list as the keys of a table.
local function set(list)
  local found = {}
  for _, each in ipairs(list or {}) do
    found[each] = true
  end
  return found
end

-- Return the past of an item, or nil.
local function past_of(id)
  local packed = redis.call('HGET', PAST, id)
  if not packed then
    return nil
  end
  spend(#packed / PACKED)
  return cmsgpack.unpack(packed)
end

-- A position as text: tostring() would keep 14 digits of it.
local function text(number)
  return string.format('%.0f', number)
end

-- Return {position, era, horizon, floor, version of the set of indexes}, and a length that no item's
-- text exceeds, if one is known. A server that is not the
-- one which wrote here last may have lost what it had acknowledged: with it a new era begins. Its
-- name follows from the old one's, so that it is the same to all who read while too few replicas
-- follow for anything to be written.
--
-- Its run id comes with the call, from the connection, which ends no later than the server does: to
-- ask INFO for it here would cost more than the rest of a small script.
--
-- Before the first write a stream has no position: then nothing is written but by who `begins` it.
local function enter(fresh_era, begins)
  local head = redis.call(
    'HMGET', HEAD, 'position', 'era', 'horizon', 'floor', 'version', 'life', 'largest')
  if not head[1] and not begins then
    return {'0', UNBORN, '0', '0', head[5] or '0'}, nil
  end
  local life = ARGV[#ARGV]
  if head[6] ~= life then
    local era = head[2] and string.sub(redis.sha1hex(head[2] .. life), 1, 8) or fresh_era
    local kept = redis.pcall('HSET', HEAD, 'era', era, 'life', life)
    if type(kept) == 'table' and kept.err and not string.find(kept.err, 'NOREPLICAS', 1, true) then
      redis.call('HSET', HEAD, 'era', era, 'life', life)  -- says what the matter is
    end
    head[2] = era
  end
  local largest = head[1] and tonumber(head[7]) or not head[1] and 0 or nil
  return {head[1] or '0', head[2], head[3] or '0', head[4] or '0', head[5] or '0'}, largest
end

-- Keep a floor that allows a viewer to be shown where the clock's present tick began: no later write
-- is given a position before it.
local function tick(head, now)
  local kept = math.max(tonumber(head[1]), tonumber(head[4]))
  local floor = now - now % TICK
  if floor > kept and head[2] ~= UNBORN then
    local done = redis.pcall('HSET', HEAD, 'floor', text(floor))
    if type(done) ~= 'table' then -- else nothing can be written now, and the old floor still holds
      head[4] = text(floor)
    end
  end
end

-- Compare by bytes, as sorted sets do; the operators of Lua ask the locale. Of long texts the first
-- difference is searched for by halves: equality of texts is a comparison of memory.
local function less(a, b)
  local shorter = math.min(#a, #b)
  if string.sub(a, 1, 16) ~= string.sub(b, 1, 16) then
    for at = 1, math.min(shorter, 16) do
      local x, y = string.byte(a, at), string.byte(b, at)
      if x ~= y then
        return x < y
      end
    end
  end
  local same, differ = math.min(shorter, 16), shorter + 1
  while differ - same > 1 do
    local middle = math.floor((same + differ) / 2)
    if string.sub(a, same + 1, middle) == string.sub(b, same + 1, middle) then
      same = middle
    else
      differ = middle
    end
  end
  if differ > shorter then
    return #a < #b
  end
  return string.byte(a, differ) < string.byte(b, differ)
end

-- A name as part of a key, however long it is. One that begins as a digest does is made one, so that
-- no two names are the same part.
local function short(name)
  return (#name > 64 or string.byte(name) == 35) and '#' .. redis.sha1hex(name) or name
end

-- The key of the order of those that have a value in a field.
local function by_value(field, value)
  return HEAD .. ':by:' .. field .. ':' .. short(value)
end

-- The keys of the two orders of a viewer.
local function of_viewer(viewer)
  return HEAD .. ':of:' .. short(viewer), HEAD .. ':seen:' .. short(viewer)
end

-- Return how many members of an order stand before (at, id): a binary search among ties, also
-- where nothing stands at that very place. The ends of the order are '-inf' and '+inf'.
--
-- The search among ties is counted as work: of orders by several values there may be many.
local function rank(order, at, id)
  if at == '-inf' then
    return 0
  elseif at == '+inf' then
    return redis.call('ZCOUNT', order, '-inf', '+inf')
  end
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
    spend(LOOK)
    if less(redis.call('ZRANGE', order, middle, middle)[1], id) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

local compare = {
  gt = function(value, wanted) return less(wanted, value) end,
  gte = function(value, wanted) return not less(value, wanted) end,
  lt = function(value, wanted) return less(value, wanted) end,
  lte = function(value, wanted) return not less(wanted, value) end,
}

-- Return whether a value is in one of the ranges {low, high, low, high, ...}.
local function within(value, bounds)
  for at = 1, #bounds, 2 do
    if not less(value, bounds[at]) and not less(bounds[at + 1], value) then
      return true
    end
  end
  return false
end

-- Return conditions, {field, operator, {value, ...}}, as {field, a function that tells whether some
-- value is wanted}: looking at a value costs the same however many are wanted.
local function read_conditions(packed)
  local conditions = cmsgpack.unpack(packed)
  for at, condition in ipairs(conditions) do
    local field, operator, wanted = unpack(condition)
    local ordered, one, several = compare[operator], wanted[1], set(wanted)
    if operator == 'within' then
      ordered, one = within, wanted
    end
    conditions[at] = {field, function(values)
      for _, value in ipairs(values or {}) do
        if ordered and ordered(value, one) or not ordered and several[value] then
          return true
        end
      end
      return false
    end}
  end
  return conditions
end

local function meets(conditions, values)
  for _, condition in ipairs(conditions) do
    if not condition[2](values[condition[1]]) then
      return false
    end
  end
  return true
end

local function may_have_met(conditions, values, former)
  for _, condition in ipairs(conditions) do
    local past = former[condition[1]]
    if past ~= false and not condition[2](values[condition[1]]) and not condition[2](past) then
      return false
    end
  end
  return true
end

-- Lists of viewers are short.
local function holds(list, wanted)
  for _, each in ipairs(list) do
    if each == wanted then
      return true
    end
  end
  return false
end
