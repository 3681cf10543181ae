-- Note that a board writes to this life of the server, and tell every feed to look anew if it is another one than before.
--
-- ARGV: generation · feed length · nonce · orgs
-- Answers {1 if the life was new, else 0; the life; offsets; floor}, or nil if the generation is not the current one.
--
-- A server gets a new life when it is started and when it is promoted. It may then lack its last writes, and a reader of a
-- feed may have seen them. They come again with other ids and other ranks, so every reader must read its lists before.

local generation, feed_length, nonce = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('GET', 'board:3') ~= generation then
  return false
end
local life = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local prefix = 'board:' .. generation .. ':'
local is_new = redis.call('GET', prefix .. 'life') ~= life
if is_new then
  redis.call('SET', prefix .. 'life', life)
  for i = 4, #ARGV do
    add_entry(ARGV[i], feed_length, nonce, 'change', 'rebuilt', 'queue_id', '', 'lead_id', '', 'version', '0',
      'payload', '{}')
  end
end
return {is_new and 1 or 0, life, redis.call('HGETALL', prefix .. 'offsets'), redis.call('HGETALL', prefix .. 'floor')}
