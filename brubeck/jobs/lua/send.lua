-- Put a job into its queue, once for a key however often it is sent.
-- KEYS: the queue, the key. ARGV: what the key is to stand for (the job's id, and what names its
-- data), the job, how long the key is kept (ms).
-- Returns what the key stands for.
local there = redis.call('GET', KEYS[2])
if there then return there end
-- In this order: what a script did before it failed stays done.
redis.call('XADD', KEYS[1], '*', 'job', ARGV[2])
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
return ARGV[1]
