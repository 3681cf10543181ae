-- Look at a slice of a queue's names and return the leads that match and stand before a rank, nearest first.
--
-- ARGV: org · queue · pattern (of "<name>\0<lead id>") · cursor · about how many names · bound (a rank) · limit.
-- Answers nil without a board, else {generation, next cursor, {rank, lead, rank, lead ...}}. Cursors are of one generation.

local generation = redis.call('GET', 'board:2')
if not generation then
  return false
end
local prefix, list = 'board:' .. generation .. ':', ARGV[1] .. '/' .. ARGV[2]
local bound, limit = tonumber(ARGV[6]), tonumber(ARGV[7])
local slice = redis.call('HSCAN', prefix .. 'names:' .. list, ARGV[4], 'MATCH', ARGV[3], 'COUNT', ARGV[5])
local matches, ranks, leads = slice[2], {}, {}
for i = 1, #matches, 2 do
  local lead = string.match(matches[i], '%z(.*)$')
  local rank = redis.call('ZRANK', prefix .. 'order:' .. list, matches[i + 1] .. '\0' .. lead)
  if rank and rank < bound then
    ranks[#ranks + 1] = rank
    leads[rank] = lead
  end
end
table.sort(ranks)
local nearest = {}
for i = 1, math.min(limit, #ranks) do
  nearest[2 * i - 1], nearest[2 * i] = ranks[i], leads[ranks[i]]
end
return {generation, slice[1], nearest}
