-- Move a job to the dead letters, if it is still this worker's.
-- KEYS: the queue, the dead letters. ARGV: group, consumer, entry, job, reason, traceback.
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('XADD', KEYS[2], '*', 'job', ARGV[4], 'reason', ARGV[5], 'traceback', ARGV[6])
return 1
