-- ARGV: a fresh era, the position to forget up to, how many at the most. Returns how many it were.
local position, _, horizon = enter(ARGV[1])
local last = math.min(tonumber(ARGV[2]), tonumber(position))
if last > tonumber(horizon) then
  redis.call('HSET', HEAD, 'horizon', text(last))
end
local ids = redis.call('ZRANGEBYSCORE', TOMBSTONES, '-inf', text(last), 'LIMIT', 0, ARGV[3])
if #ids > 0 then
  for _, key in ipairs({TOMBSTONES, CHANGES}) do
    redis.call('ZREM', key, unpack(ids))
  end
  for _, key in ipairs({ITEMS, PAST}) do
    redis.call('HDEL', key, unpack(ids))
  end
end
return #ids
