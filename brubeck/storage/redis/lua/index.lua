-- ARGV: the fields that have an order for each of their values, then for each item that was there
-- before an index: id, position, created_at, the values of the new fields (v), and who may see it
-- if that is new (s).
-- An item that has moved since was indexed by who wrote it.
local equality = cmsgpack.unpack(ARGV[1])
for at = 2, #ARGV, 4 do
  local id, position, created_at, packed = unpack(ARGV, at, at + 3)
  local item = redis.call('HGET', ITEMS, id)
  if item and string.match(item, '^%d+') == position then
    local past = cmsgpack.unpack(redis.call('HGET', PAST, id))
    local new = cmsgpack.unpack(packed)
    for field, values in pairs(new.v) do
      past.v[field] = values
    end
    for _, viewer in ipairs(new.s) do
      local timeline, seen = of_viewer(viewer)
      redis.call('ZADD', timeline, created_at, id)
      redis.call('ZADD', seen, position, id)
    end
    if #new.s > 0 then
      past.s = new.s
      past.l = next(past.f) and new.s or nil
    end
    redis.call('HSET', PAST, id, cmsgpack.pack(past))
    for _, field in ipairs(equality) do
      for _, value in ipairs(past.v[field] or {}) do
        redis.call('ZADD', by_value(field, value), created_at, id)
      end
    end
  end
end
return 1
