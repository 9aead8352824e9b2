-- ARGV: the fields that have an order for each of their values, then for each item that was there
-- before an index: id, position, created_at, the values of the new fields.
-- An item that has moved since was indexed by who wrote it.
local equality = cmsgpack.unpack(ARGV[1])
for at = 2, #ARGV, 4 do
  local id, position, created_at, packed = unpack(ARGV, at, at + 3)
  local item = redis.call('HGET', ITEMS, id)
  if item and string.match(item, '^%d+') == position then
    local past = cmsgpack.unpack(redis.call('HGET', PAST, id))
    for field, values in pairs(cmsgpack.unpack(packed)) do
      past.v[field] = values
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
