-- Put a rebuilt generation in the old one's place, at one instant, and tell every feed to look anew.
--
-- ARGV: generation · feed length · nonce · the server's life · number of partitions · (partition, next offset) of each ·
--       number of log partitions · (partition, newest log offset contained) of each · orgs
-- Answers 1; 0 if another rebuild has taken the lock since; -1 if the lists were written to another life of the server,
-- which may lack the last of them.

local generation, feed_length, nonce, life = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if redis.call('GET', 'board:rebuilding') ~= generation then
  return 0
end
if string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') ~= life then
  return -1
end
local prefix = 'board:' .. generation .. ':'
local at = 5
for _, hash in ipairs({'offsets', 'floor'}) do
  local count = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, count do
    redis.call('HSET', prefix .. hash, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end
redis.call('SET', prefix .. 'life', life)
redis.call('SET', 'board:3', generation)
for i = at, #ARGV do
  add_entry(ARGV[i], feed_length, nonce, 'change', 'rebuilt', 'queue_id', '', 'lead_id', '', 'version', '0',
    'payload', '{}')
end
return 1
