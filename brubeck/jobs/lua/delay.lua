-- Keep a job until it is due, once for a key however often it is sent.
-- KEYS: the jobs that are due later, what they are, the key. ARGV: what the key is to stand for (the
-- job's id, and what names its data), the job, its id, how long the key is kept (ms), the delay (ms).
-- Returns what the key stands for.
local there = redis.call('GET', KEYS[3])
if there then return there end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- In this order: what a script did before it failed stays done.
redis.call('HSET', KEYS[2], ARGV[3], ARGV[2])
redis.call('ZADD', KEYS[1], now + ARGV[5], ARGV[3])
redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[4])
return ARGV[1]
