-- Read one stretch of one queue as it is at this instant: size, definition, lead ids in order, their rows, and the id
-- of the newest entry its org's feed has had, which stays known when that entry was trimmed.
--
-- ARGV: org · queue · start · stop (ranks, both included). Answers nil without a board.

local generation = redis.call('GET', 'board')
if not generation then
  return false
end
local prefix = 'board:' .. generation .. ':'
local name = ARGV[1] .. '/' .. ARGV[2]
local order = prefix .. 'order:' .. name
local leads = {}
for i, place in ipairs(redis.call('ZRANGE', order, ARGV[3], ARGV[4])) do
  leads[i] = string.match(place, '.*%z(.*)$')
end
local rows = {}
if #leads > 0 then
  rows = redis.call('HMGET', prefix .. 'rows:' .. name, unpack(leads))
end

local feed, as_of = 'feed:' .. ARGV[1], '0-0'
if redis.call('EXISTS', feed) == 1 then
  local info = redis.call('XINFO', 'STREAM', feed)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      as_of = info[i + 1]
    end
  end
end
return {redis.call('ZCARD', order), redis.call('HGET', prefix .. 'queues:' .. ARGV[1], ARGV[2]), leads, rows, as_of}
