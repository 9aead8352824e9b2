-- ARGV: a fresh era, the position to forget up to, how many at the most, and up to where viewers'
-- horizons are forgotten. Returns how many tombstones, and how many departures and horizons it were.
local head = enter(ARGV[1])
local last = math.min(tonumber(ARGV[2]), tonumber(head[1]))
if last > tonumber(head[3]) then
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
local left = redis.call(
  'ZRANGEBYSCORE', DEPARTURES, '-inf', text(last), 'WITHSCORES', 'LIMIT', 0, ARGV[3])
for at = 1, #left, 2 do
  local viewer, id = string.match(left[at], '^(.*)%z(%Z*)$')
  local _, seen = of_viewer(viewer)
  local horizon = tonumber(redis.call('ZSCORE', HORIZONS, viewer) or '0')
  redis.call('ZADD', HORIZONS, text(math.max(horizon, tonumber(left[at + 1]))), viewer)
  if redis.call('ZSCORE', seen, id) == left[at + 1] then
    redis.call('ZREM', seen, id)
  end
  redis.call('ZREM', DEPARTURES, left[at])
end
local old = redis.call('ZRANGEBYSCORE', HORIZONS, '-inf', '(' .. ARGV[4], 'LIMIT', 0, ARGV[3])
if #old > 0 then
  redis.call('ZREM', HORIZONS, unpack(old))
end
return {#ids, #left / 2 + #old}
