-- Read leads of one queue as they stand at this instant: size, definition, lead ids, their ranks, their rows, and the id
-- of the newest entry the org's feed has had, which stays known when that entry was trimmed.
--
-- ARGV: org · queue · start · stop (ranks, both included) · leads to read in place of that stretch.
-- Answers nil without a board.

local generation = redis.call('GET', 'board:3')
if not generation then
  return false
end
local prefix = 'board:' .. generation .. ':'
local name = ARGV[1] .. '/' .. ARGV[2]
local order = prefix .. 'order:' .. name
local leads, ranks, rows = {}, {}, {}
if #ARGV > 4 then
  for i = 5, #ARGV do
    local row = redis.call('HGET', prefix .. 'rows:' .. name, ARGV[i])
    if row then
      local bytes, start = string.match(row, '^%d+ (%d+) %d+ ()')
      local rank = redis.call('ZRANK', order, string.sub(row, start, start + bytes - 1) .. '\0' .. ARGV[i])
      if rank then
        leads[#leads + 1], ranks[#ranks + 1], rows[#rows + 1] = ARGV[i], rank, row
      end
    end
  end
else
  for i, place in ipairs(redis.call('ZRANGE', order, ARGV[3], ARGV[4])) do
    leads[i] = string.match(place, '.*%z(.*)$')
    ranks[i] = ARGV[3] + i - 1
  end
  for first = 1, #leads, 1000 do -- Lua passes some thousand arguments at most
    local some = redis.call('HMGET', prefix .. 'rows:' .. name, unpack(leads, first, math.min(first + 999, #leads)))
    for _, row in ipairs(some) do
      rows[#rows + 1] = row
    end
  end
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
local definition = redis.call('HGET', prefix .. 'queues:' .. ARGV[1], ARGV[2])
return {redis.call('ZCARD', order), definition, leads, ranks, rows, as_of}
