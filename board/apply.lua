-- Apply one batch of queue changes and note how far Kafka was read, all or nothing.
--
-- ARGV: generation · feed length · tombstone seconds · nonce · the server's life · number of partitions ·
--       (partition, expected offset, next offset) of each · (change, org, queue, lead, version, sort key, name, payload) of each
-- Answers {'ok', applied} or, with nothing changed, {'generation'}, {'life'} or {'offsets'}. `life`: the server was started
-- or promoted since, and may lack its last writes, of any partition.
--
-- A row is "<version> <bytes of sort key> <bytes of name> <sort key><name><columns>"; a place is "<sort key>\0<lead id>".
-- The names, which a search looks at, are kept beside: "<name>\0<lead id>" -> sort key.
-- Of one (queue, lead) only a newer version changes anything; what left keeps its version as a tombstone.
-- The feed tells a lead's rank in its queue after the change, its rank before, and the queue's size after: each as of
-- its own change, so that whoever applies them in order has this list. Where there is none it says nothing.

local generation = ARGV[1]
if redis.call('GET', 'board:3') ~= generation then
  return {'generation'}
end
local prefix = 'board:' .. generation .. ':'
if string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)') ~= ARGV[5] then
  return {'life'}
end
local feed_length, tombstone_seconds, nonce = ARGV[2], ARGV[3], tonumber(ARGV[4])
local partitions = tonumber(ARGV[6])
local at = 7

for _ = 1, partitions do
  if (redis.call('HGET', prefix .. 'offsets', ARGV[at]) or '0') ~= ARGV[at + 1] then
    return {'offsets'}
  end
  at = at + 3
end
for i = 0, partitions - 1 do
  redis.call('HSET', prefix .. 'offsets', ARGV[7 + 3 * i], ARGV[9 + 3 * i])
end

local function tell(org, change, queue, lead, version, payload, rank, was, size)
  add_entry(org, feed_length, nonce, 'change', change, 'queue_id', queue, 'lead_id', lead, 'version', version,
    'payload', payload, 'rank', rank or '', 'was', was or '', 'size', size or '')
end

local applied = 0
while at < #ARGV do
  local change, org, queue, lead = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local version, sort_key, name, payload = ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7]
  at = at + 8
  local list = org .. '/' .. queue
  if change == 'defined' or change == 'removed' then
    local known = redis.call('HGET', prefix .. 'queues:' .. org, queue)
    if not known or tonumber(string.match(known, '^%d+')) < tonumber(version) then
      redis.call('HSET', prefix .. 'queues:' .. org, queue, version .. ' ' .. payload)
      tell(org, change, queue, '', version, payload)
      applied = applied + 1
    end
  else
    local rows, order = prefix .. 'rows:' .. list, prefix .. 'order:' .. list
    local names = prefix .. 'names:' .. list
    local gone = prefix .. 'gone:' .. list .. '/' .. lead
    local row = redis.call('HGET', rows, lead)
    local known, old_key, old_name
    if row then
      local key_bytes, name_bytes, start
      known, key_bytes, name_bytes, start = string.match(row, '^(%d+) (%d+) (%d+) ()')
      old_key = string.sub(row, start, start + key_bytes - 1)
      old_name = string.sub(row, start + key_bytes, start + key_bytes + name_bytes - 1)
    else
      known = redis.call('GET', gone)
    end
    if not known or tonumber(known) < tonumber(version) then
      local was = old_key and redis.call('ZRANK', order, old_key .. '\0' .. lead)
      if old_key and (change == 'left' or old_key ~= sort_key) then
        redis.call('ZREM', order, old_key .. '\0' .. lead)
      end
      if old_name and (change == 'left' or old_name ~= name) then
        redis.call('HDEL', names, old_name .. '\0' .. lead)
      end
      if change == 'left' then
        redis.call('SET', gone, version, 'EX', tombstone_seconds)
        if row then
          redis.call('HDEL', rows, lead)
          tell(org, 'left', queue, lead, version, '{}', nil, was, redis.call('ZCARD', order))
        end
      else
        redis.call('HSET', rows, lead, version .. ' ' .. #sort_key .. ' ' .. #name .. ' ' .. sort_key .. name .. payload)
        local place = sort_key .. '\0' .. lead
        if old_key ~= sort_key then
          redis.call('ZADD', order, 0, place)
        end
        if old_key ~= sort_key or old_name ~= name then
          redis.call('HSET', names, name .. '\0' .. lead, sort_key)
        end
        if not row and known then
          redis.call('DEL', gone)
        end
        tell(org, row and 'moved' or 'entered', queue, lead, version, payload, redis.call('ZRANK', order, place), was,
          redis.call('ZCARD', order))
      end
      applied = applied + 1
    end
  end
end
return {'ok', applied}
