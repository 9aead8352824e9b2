-- Walking the timeline between two keys, among what may meet some conditions; it stands before the
-- scripts that do so. They set: low_at, low_id, high_at, high_id, descending; lead, the
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

local function set_out()
  if timeline == TIMELINE then
    for _, value in ipairs(lead[2] or {}) do
      sources[#sources + 1] = source(by_value(lead[1], value), math.ceil(200 / #lead[2]))
    end
  end
  if #sources == 0 then
    sources[1] = source(timeline, 200)
  end
end

local function before(at, id, other_at, other_id)
  local a, b = tonumber(at), tonumber(other_at)
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
    if other_id and (not id or before(other_at, other_id, at, id)) then
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
