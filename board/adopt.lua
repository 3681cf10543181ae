-- Put a rebuilt generation in the old one's place, at one instant, and tell every feed to look anew.
--
-- ARGV: generation · feed length · number of partitions · (partition, next offset) of each ·
--       number of log partitions · (partition, newest log offset contained) of each · orgs
-- Answers 1, or 0 if another rebuild has taken the lock since.

local generation, feed_length = ARGV[1], ARGV[2]
if redis.call('GET', 'board:rebuilding') ~= generation then
  return 0
end
local prefix = 'board:' .. generation .. ':'
local at = 3
for _, hash in ipairs({'offsets', 'floor'}) do
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    redis.call('HSET', prefix .. hash, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end
redis.call('SET', 'board:3', generation)
for i = at, #ARGV do
  redis.call('XADD', 'feed:' .. ARGV[i], 'MAXLEN', '~', feed_length, '*', 'change', 'rebuilt', 'queue_id', '',
    'lead_id', '', 'version', '0', 'payload', '{}')
end
return 1
