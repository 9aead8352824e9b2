-- Put a dead letter back into the queue, once.
-- KEYS: the dead letters, the queue. ARGV: the letter, its job.
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
-- In this order: what a script did before it failed stays done.
redis.call('XADD', KEYS[2], '*', 'job', ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
