-- Remove a job that is due later. KEYS: the jobs that are, what they are. ARGV: its id.
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
