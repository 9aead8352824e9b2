-- Say that a worker still has its jobs in hand.
-- KEYS: the queue, who has or wants a job alone. ARGV: group, consumer, lease (ms), entries.
-- Returns the entries that another has taken over.
local group, consumer = ARGV[1], ARGV[2]
local lost = {}
for place = 4, #ARGV do
  local entry = ARGV[place]
  if #redis.call('XPENDING', KEYS[1], group, entry, entry, 1, consumer) > 0 then
    redis.call('XCLAIM', KEYS[1], group, consumer, 0, entry, 'JUSTID')
  else
    table.insert(lost, entry)
  end
end
if redis.call('GET', KEYS[2]) == consumer then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return lost
