-- Take a job out of its queue, to be tried again in a while, if it is still this worker's.
-- KEYS: the queue, the jobs to be tried later, what they are. ARGV: group, consumer, entry, job, its
-- id, delay (ms).
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2]) == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- In this order: what a script did before it failed stays done.
redis.call('HSET', KEYS[3], ARGV[5], ARGV[4])
redis.call('ZADD', KEYS[2], now + ARGV[6], ARGV[5])
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 1
