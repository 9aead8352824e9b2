-- Put the jobs whose time has come back into their queue, about a mebibyte of them: Redis serves
-- nobody else meanwhile.
-- KEYS: the jobs to be tried later, what they are, the queue. Returns the ms until the next one, -1
-- for none.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bytes = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)) do
  -- A job that was delayed before they were kept by their ids stands here itself.
  local job = redis.call('HGET', KEYS[2], id) or string.sub(id, 1, 1) == '{' and id
  if job then
    redis.call('XADD', KEYS[3], '*', 'job', job)
    redis.call('HDEL', KEYS[2], id)
    bytes = bytes + #job
  end
  redis.call('ZREM', KEYS[1], id)
  if bytes >= 1048576 then break end
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #first == 0 then return -1 end
return math.max(0, math.ceil(first[2] - now))
