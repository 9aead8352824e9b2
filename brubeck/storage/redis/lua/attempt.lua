-- KEYS[1]: an attempt. ARGV: now, digest, plan, lease and keep in seconds, who asks.
-- Returns digest, plan, answer (false: none), and 1 when it is for the one who asks.
local now, asks = tonumber(ARGV[1]), ARGV[6]
local known = redis.call('HMGET', KEYS[1], 'digest', 'plan', 'answer', 'ends', 'leased', 'by')
if not known[1] or tonumber(known[4]) <= now then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'digest', ARGV[2], 'plan', ARGV[3],
    'ends', string.format('%.6f', now + ARGV[5]))
  redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[5] * 1000))
  known = {ARGV[2], ARGV[3], false, false, '0', false}
end
-- The same one asks again when the first reply was lost.
local ours = not known[3] and (tonumber(known[5]) <= now or known[6] == asks)
if ours then
  redis.call('HSET', KEYS[1], 'leased', string.format('%.6f', now + ARGV[4]), 'by', asks)
end
return {known[1], known[2], known[3], ours and 1 or 0}
