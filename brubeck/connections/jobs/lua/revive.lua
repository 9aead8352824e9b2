-- Put a dead letter back into the queue, once.
-- KEYS: the dead letters, the queue. ARGV: the letter, its job.
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'job', ARGV[2])
return 1
