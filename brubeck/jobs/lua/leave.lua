-- Forget the workers that are gone and have nothing left.
-- KEYS: the queue. ARGV: group, the consumer that leaves, how long others are silent (ms).
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local known = {}
  for place = 1, #info, 2 do known[info[place]] = info[place + 1] end
  local gone = known['name'] == ARGV[2] or known['idle'] > tonumber(ARGV[3])
  if gone and known['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], known['name'])
  end
end
