-- Move a job to the dead letters, if it is still this worker's.
-- KEYS: the queue, the dead letters. ARGV: group, consumer, entry, job, reason, traceback.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
-- In this order: what a script did before it failed stays done.
redis.call('XADD', KEYS[2], '*', 'job', ARGV[4], 'reason', ARGV[5], 'traceback', ARGV[6])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 1
