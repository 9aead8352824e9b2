-- KEYS[1]: a counter. ARGV: now and the window, in seconds. Returns how many hits there are.
local ends, hits = unpack(redis.call('HMGET', KEYS[1], 'ends', 'hits'))
if not ends or tonumber(ends) <= tonumber(ARGV[1]) then
  ends, hits = string.format('%.6f', ARGV[1] + ARGV[2]), 0
end
redis.call('HSET', KEYS[1], 'ends', ends, 'hits', hits + 1)
if hits == 0 then
  redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] * 1000))
end
return hits + 1
