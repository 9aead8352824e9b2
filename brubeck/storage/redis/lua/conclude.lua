-- KEYS[1]: an attempt. ARGV: its answer, if it has one. Without, it is given back.
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'leased', '0')
  redis.call('HDEL', KEYS[1], 'by')
  if ARGV[1] then
    redis.call('HSET', KEYS[1], 'answer', ARGV[1])
  end
end
return 1
