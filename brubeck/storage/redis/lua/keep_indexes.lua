-- ARGV: the version that the set of indexes must have, its next version, the set.
-- Returns 1 when it was kept.
if (redis.call('HGET', HEAD, 'version') or '0') ~= ARGV[1] then
  return 0
end
redis.call('HSET', HEAD, 'version', ARGV[2], 'indexes', ARGV[3])
return 1
