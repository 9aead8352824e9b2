-- Walking the timeline between two keys, among what may meet some conditions, for the scripts that do
-- so. They set: low_at, low_id, high_at, high_id, descending; lead, the
-- {field, {value, ...}} that leads to the candidates, or {}; and timeline, which a viewer has of its
-- own.

local low_at, low_id, high_at, high_id, descending, lead
local timeline = TIMELINE

-- Choose the timeline of a viewer, who is named behind a "=".
local function look_through(viewer)
  if viewer ~= '' then
    timeline = of_viewer(string.sub(viewer, 2))
  end
end

-- A source yields the members of an order between the two keys, in the page's direction.
local function source(order, step)
  local low, high = rank(order, low_at, low_id), rank(order, high_at, high_id)
  local some, at = {}, 1
  local function peek()
    if at > #some then
      if low >= high then
        return nil
      end
      if descending then
        local from = math.max(low, high - step)
        some = redis.call('ZRANGE', order, from, high - 1, 'WITHSCORES')
        high = from
        at = #some - 1
      else
        local to = math.min(high, low + step)
        some = redis.call('ZRANGE', order, low, to - 1, 'WITHSCORES')
        low = to
        at = 1
      end
    end
    return some[at], some[at + 1]
  end
  local function pop()
    at = at + (descending and -2 or 2)
    if at < 1 then
      some, at = {}, 1
    end
  end
  return {peek = peek, pop = pop}
end

local sources = {}

-- Return the key of the first member of the timeline at a key or behind it: the same place, but where
-- an order has that member it is found by its name, without a search among ties.
local function settled(at, id)
  if id == '' or at == '-inf' or at == '+inf' then
    return at, id
  end
  local place = rank(TIMELINE, at, id)
  local there = redis.call('ZRANGE', TIMELINE, place, place, 'WITHSCORES')
  if not there[1] then
    return '+inf', ''
  end
  return there[2], there[1]
end

-- How much work a script may do: as much again as it has done before its first step, if that is more
-- than ENOUGH, so that the next one is no search without an end.
local enough = ENOUGH

local function set_out()
  if timeline == TIMELINE and #(lead[2] or {}) > 1 then
    low_at, low_id = settled(low_at, low_id)
    high_at, high_id = settled(high_at, high_id)
  end
  if timeline == TIMELINE then
    for _, value in ipairs(lead[2] or {}) do
      sources[#sources + 1] = source(by_value(lead[1], value), math.ceil(200 / #lead[2]))
    end
  end
  if #sources == 0 then
    sources[1] = source(timeline, 200)
  end
  enough = math.max(ENOUGH, 2 * spent)
end

local function before(at, id, other_at, other_id)
  local a, b = tonumber(at), tonumber(other_at)
  if a == b then
    spend(LOOK)
  end
  local first = a < b or (a == b and less(id, other_id))
  if descending then
    return not first
  end
  return first
end

-- Return the next member of all sources; what stands in several comes once.
local function next_member()
  local id, at
  spend(#sources) -- each of them is looked at
  for _, each in ipairs(sources) do
    local other_id, other_at = each.peek()
    if other_id and other_id ~= id and (not id or before(other_at, other_id, at, id)) then
      id, at = other_id, other_at
    end
  end
  for _, each in ipairs(sources) do
    if id and each.peek() == id then
      each.pop()
    end
  end
  return id, at
end

-- Return the head of a page, and the viewer's own horizon.
local function enter_page()
  local viewer, horizon = ARGV[13], '0'
  local head, largest = enter(ARGV[1])
  if viewer ~= '' then
    tick(head, tonumber(ARGV[12]))
    horizon = text(tonumber(redis.call('ZSCORE', HORIZONS, string.sub(viewer, 2)) or '0'))
  end
  return head, horizon, largest
end

-- Return a page: the head, the place to go on from (where there is more: the last one's, unless
-- another is given), the viewer's horizon, the ids, and their items in lists that follow each other.
-- While they may be large they are read a few at a time: a step ends with the one that fills it.
local function page_of(head, horizon, largest, ids, more, last_at, last_id)
  local lists, size, first = {}, 0, 1
  local safe = largest and math.min(1000, math.floor(STEP_BYTES / (largest + 1))) or 1
  local count = math.max(safe, 3)
  while first <= #ids and size < STEP_BYTES do
    local last = math.min(#ids, first + count - 1)
    local items = redis.call('HMGET', ITEMS, unpack(ids, first, last))
    lists[#lists + 1] = items
    for at, item in ipairs(items) do
      size = size + #item
      if size >= STEP_BYTES then
        more, last, last_at = true, first + at - 1, nil
        for left = #items, at + 1, -1 do
          items[left] = nil
        end
        break
      end
    end
    if more and not last_at and (last == #ids or size >= STEP_BYTES) then
      last_at, last_id = string.match(items[#items], ' (%-?%d+)'), ids[last]
    end
    first = last + 1
    count = math.max(safe, math.min(100, math.ceil((STEP_BYTES - size) * last / size)))
  end
  local to_at, to_id = more and last_at or '', more and last_id or ''
  return {head[1], head[2], head[3], head[4], head[5], to_at, to_id, horizon, ids, unpack(lists)}
end
