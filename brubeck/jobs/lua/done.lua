-- Delete finished jobs, also those that another worker has by now.
-- KEYS: the queue. ARGV: group, entries.
redis.call('XACK', KEYS[1], unpack(ARGV))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
