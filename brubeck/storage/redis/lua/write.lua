-- ARGV: a fresh era, now, version of the set of indexes, the fields that have an order for each of
-- their values, the fields whose index is not complete, and for each write: operation ("put" or
-- "delete", and behind a space the position that is expected, if any is), id, token, created_at, what
-- follows the position in a new item, what follows the tokens in its past, and its values that have an
-- order (MessagePack, or empty where no field has any).
-- Returns for each write how it went and the position, or "stale" for another set of indexes. It
-- ends when it has done enough: the writes that have no outcome are to be sent again.
--
-- The commands that every write needs are collected and sent together: a call from Lua costs about as
-- much as what it does. Commands of different items do not depend on each other's order. Most writes
-- are new items: these are stored as they were sent, and nothing of them is unpacked and packed again.
--
-- No write command of it may fail where an earlier one has succeeded, and its work is in proportion
-- to what it is sent: nobody else is served meanwhile.

local TOKENS, MAX_TOKENS, RETRY, FORMER_LIMIT = 8, 64, 60000000, 32

local entered, largest = enter(ARGV[1], true)
if entered[5] ~= ARGV[3] then
  return 'stale'
end
local known_largest = largest
local head, floor = tonumber(entered[1]), tonumber(entered[4])
local now = tonumber(ARGV[2])
local equality = cmsgpack.unpack(ARGV[4])
local building = set(cmsgpack.unpack(ARGV[5]))
local FIRST, LENGTH = 6, 7 -- of the arguments of the first write, and of each
local COUNT = (#ARGV - FIRST) / LENGTH
local NO_VIEWERS = '\161s\144'

local function same(a, b)
  a, b = a or {}, b or {}
  if #a ~= #b then
    return false
  end
  for at = 1, #a do
    if a[at] ~= b[at] then
      return false
    end
  end
  return true
end

-- Let the orders of values hold an item under its new ones: only what differs is written, unless the
-- old ones may be missing there, since whoever builds the index passes over what has moved.
local function reindex(id, created_at, old, new)
  for _, field in ipairs(equality) do
    local before, after = set(old[field]), set(new[field])
    for value in pairs(before) do
      if not after[value] then
        redis.call('ZREM', by_value(field, value), id)
        spend(KEY)
      end
    end
    for value in pairs(after) do
      if not before[value] or building[field] then
        redis.call('ZADD', by_value(field, value), created_at, id)
        spend(KEY)
      end
    end
  end
end

-- Let a change concern those who can see the item now, and those who could before it.
local function show(id, created_at, position, could, can, was_live)
  for _, viewer in ipairs(can) do
    local timeline, seen = of_viewer(viewer)
    redis.call('ZADD', timeline, created_at, id)
    redis.call('ZADD', seen, position, id)
    redis.call('ZREM', DEPARTURES, viewer .. '\0' .. id)
    spend(3 * KEY)
  end
  local still = set(can)
  for _, viewer in ipairs(could) do
    if not still[viewer] then
      local timeline, seen = of_viewer(viewer)
      if was_live then
        redis.call('ZREM', timeline, id)
      end
      redis.call('ZADD', seen, position, id)
      redis.call('ZADD', DEPARTURES, position, viewer .. '\0' .. id)
      spend(3 * KEY)
    end
  end
end

-- Return which viewers of a new version could not see the one before it, or an earlier one.
local function late(before, could, can)
  local came, saw, found = set(before), set(could), {}
  for _, viewer in ipairs(can) do
    if came[viewer] or not saw[viewer] then
      found[#found + 1] = viewer
    end
  end
  return #found > 0 and found or nil
end

-- Return the former values of a field with some more of them, false when they are too many.
local function joined(former, values)
  local known = set(former)
  for _, value in ipairs(values) do
    if not known[value] then
      if #former == FORMER_LIMIT then
        return false
      end
      known[value] = true
      former[#former + 1] = value
    end
  end
  return former
end

-- Remember the values that readers may have seen.
local function pass_on(former, old, new)
  for field, values in pairs(old) do
    if #values > 0 and former[field] ~= false and not same(values, new[field]) then
      former[field] = joined(former[field] or {}, values)
    end
  end
end

-- Tokens are token, position, token, position, ...; the oldest first.
local function remember(tokens, token)
  tokens[#tokens + 1] = token
  tokens[#tokens + 1] = head
  while #tokens > 2 * TOKENS and (#tokens > 2 * MAX_TOKENS or tokens[2] < head - RETRY) do
    table.remove(tokens, 1)
    table.remove(tokens, 1)
  end
end

local to_items, to_timeline, to_changes, to_past = {}, {}, {}, {} -- what is collected, in pairs
local to_orders = {} -- the same by field and value
local touched = {} -- the ids that are or were in them
local ahead, ahead_to = {}, 0 -- the items of the writes up to a number, before this script

local function add(list, one, other)
  local count = #list
  list[count + 1], list[count + 2] = one, other
end

local function send(list, call)
  for first = 1, #list, 1000 do
    call(unpack(list, first, math.min(#list, first + 999)))
  end
end

local function flush()
  send(to_items, function(...) redis.call('HSET', ITEMS, ...) end)
  send(to_timeline, function(...) redis.call('ZADD', TIMELINE, ...) end)
  send(to_changes, function(...) redis.call('ZADD', CHANGES, ...) end)
  send(to_past, function(...) redis.call('HSET', PAST, ...) end)
  for field, by in pairs(to_orders) do
    for value, list in pairs(by) do
      local order = by_value(field, value)
      send(list, function(...) redis.call('ZADD', order, ...) end)
    end
  end
  to_items, to_timeline, to_changes, to_past, to_orders = {}, {}, {}, {}, {}
end

-- Put a new item into the order of each of its values.
local function order(id, created_at, orders)
  for field, values in pairs(cmsgpack.unpack(orders)) do
    local by = to_orders[field] or {}
    to_orders[field] = by
    for _, value in ipairs(values) do
      by[value] = by[value] or {}
      add(by[value], created_at, id)
      spend(KEY)
    end
  end
end

-- Return the item of a write as it stands. Those of several writes are read together, as many as are
-- surely small.
local function item_of(number, id)
  if touched[id] then
    flush()
    return redis.call('HGET', ITEMS, id)
  end
  if number > ahead_to then
    local count = largest and math.floor(STEP_BYTES / (largest + 1)) or 1
    ahead_to = math.min(COUNT, number + math.max(1, math.min(1000, count)) - 1)
    local ids = {}
    for at = number, ahead_to do
      ids[#ids + 1] = ARGV[FIRST + (at - 1) * LENGTH + 1]
    end
    for at, item in ipairs(redis.call('HMGET', ITEMS, unpack(ids))) do
      ahead[number + at - 1] = item
    end
  end
  return ahead[number]
end

-- Return the past of a new item, packed: {t = {token, head}} and what was sent.
local function packed_past(token, known)
  return '\132\161t\146' .. cmsgpack.pack(token) .. '\203' .. struct.pack('>d', head) .. known
end

local function write(number, operation, id, token, created_at, content, known, orders)
  local item = item_of(number, id)
  local past, stands, created, version
  local puts, expected = operation == 'put', ''
  if not puts then
    operation, expected = string.match(operation, '^(%l+) ?(%d*)$')
    puts = operation == 'put'
  end
  spend(WRITE)
  spend(#content / PLAIN)
  if item then
    stands, created, version = string.match(item, '^(%d+) ?(%-?%d*) ?(%d*)')
    past = past_of(id)
    spend(#item / PLAIN)
    for at = 1, #past.t, 2 do
      if past.t[at] == token then
        return 'written', text(past.t[at + 1])
      end
    end
  end
  local live = item and created ~= ''
  if puts and expected == '' then
    if live then
      return 'exists', stands
    end
  elseif not live then
    return 'missing', stands or ''
  elseif expected ~= '' and expected ~= stands then
    return 'moved', stands
  end

  touched[id] = true
  head = math.max(head + 1, floor + 1, now)
  local position = text(head)
  if not item and string.sub(known, -3) == NO_VIEWERS then
    local new = position .. content
    add(to_items, id, new)
    add(to_timeline, created_at, id)
    add(to_changes, position, id)
    local packed = packed_past(token, known)
    add(to_past, id, packed)
    largest = largest and math.max(largest, #new)
    if orders ~= '' then
      order(id, created_at, orders)
    end
    spend(#packed / PACKED)
    return 'written', position
  end
  local sent = puts and cmsgpack.unpack('\131' .. known) or {v = {}, s = {}}
  local values, viewers = sent.v, sent.s
  local old, could = {}, {}
  if item then
    old, could = past.v, past.s
    pass_on(past.f, old, values)
    remember(past.t, token)
    past.v = values
  end
  if item and not live then
    redis.call('ZREM', TOMBSTONES, id)
  end
  if puts then
    local new = position .. content
    if live then
      local body = string.sub(content, #created_at + 5)
      created_at = created -- it never changes in the life of an item
      version = text((tonumber(version) or 1) + 1)
      new = position .. ' ' .. created_at .. ' ' .. version .. ' ' .. body
    else
      add(to_timeline, created_at, id)
    end
    add(to_items, id, new)
    largest = largest and math.max(largest, #new)
    if item then
      past.s = viewers
      past.l = late(past.l, could, viewers)
    end
  else
    add(to_items, id, position)
    redis.call('ZREM', TIMELINE, id)
    redis.call('ZADD', TOMBSTONES, position, id)
  end
  if #equality > 0 then
    reindex(id, created_at, live and old or {}, values)
  end
  if #could > 0 or #viewers > 0 then
    show(id, created_at, position, could, viewers, live)
  end
  add(to_changes, position, id)
  local packed = item and cmsgpack.pack(past) or packed_past(token, known)
  add(to_past, id, packed)
  spend(#packed / PACKED)
  return 'written', position
end

local outcomes = {}
local before = head
for number = 1, COUNT do
  if spent > ENOUGH then
    break
  end
  local at = FIRST + (number - 1) * LENGTH
  local how, where = write(number, unpack(ARGV, at, at + LENGTH - 1))
  outcomes[#outcomes + 1] = how
  outcomes[#outcomes + 1] = where
end
flush()
if head ~= before then
  redis.call('HSET', HEAD, 'position', text(head))
  if largest ~= known_largest then
    redis.call('HSET', HEAD, 'largest', text(largest))
  end
  redis.pcall('PUBLISH', HEAD, text(head)) -- a notice: who does not get it looks by itself
end
return outcomes
