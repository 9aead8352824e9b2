-- Take over jobs of workers that have not been heard of for a lease.
--
-- One whose workers died twice may be what kills them, and would take with it whatever else its
-- next worker has in hand. So it is given only to one who has nothing, and one at a time: who
-- wants it says so, and finishes what it has; who has it takes nothing else before it is done.
--
-- KEYS: the queue, who has or wants a job alone. ARGV: group, consumer, lease (ms), how many to
-- take, the entries that are in hand. Returns the jobs, each with its entry and how often it was
-- given out, and whether to finish what is in hand.
local group, consumer, lease, free = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local in_hand = #ARGV - 4
local taken, held = {}, {}
for place = 5, #ARGV do held[ARGV[place]] = true end

local function take(pending)
  local entries = redis.call('XCLAIM', KEYS[1], group, consumer, lease, pending[1])
  if entries[1] then
    table.insert(taken, {entries[1][1], entries[1][2][2], pending[4] + 1})
  else
    redis.call('XACK', KEYS[1], group, pending[1])
  end
end

if in_hand > 0 and redis.call('GET', KEYS[2]) == consumer then return {taken, 1} end
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], group, 'IDLE', lease, '-', '+', 100)) do
  if held[pending[1]] then
    -- This worker stood still, too, and will say that it goes on.
  elseif pending[4] < 2 then
    if #taken < free then take(pending) end
  else
    local holder = redis.call('GET', KEYS[2])
    if not holder or holder == consumer then
      redis.call('SET', KEYS[2], consumer, 'PX', lease)
      if in_hand == 0 and #taken == 0 then take(pending) end
      return {taken, 1}
    end
  end
end
if redis.call('GET', KEYS[2]) == consumer then redis.call('DEL', KEYS[2]) end
return {taken, 0}
