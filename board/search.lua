-- Look at a slice of a queue's names and return the places that match, nearest first.
--
-- ARGV: org · queue · pattern (of "<name>\0<lead id>") · cursor · about how many names · bound · limit.
-- `bound`: only places before this one are asked for; "" for all. Answers nil without a board, else
-- {generation, next cursor, how many match, {rank, place, rank, place ...}}. A cursor is of one generation.

local generation = redis.call('GET', 'board:3')
if not generation then
  return false
end
local prefix, list = 'board:' .. generation .. ':', ARGV[1] .. '/' .. ARGV[2]
local bound, limit = ARGV[6], tonumber(ARGV[7])
local byte = string.byte

-- Tell whether a place with this sort key may stand before the bound, by bytes as the sorted set orders them: what Lua
-- thinks of `<` is the locale's. Of two equal keys the lead ids decide, and the sorted set is asked.
local function may_be_before(sort_key)
  for i = 1, math.min(#sort_key, #bound) do
    local mine, its = byte(sort_key, i), byte(bound, i)
    if mine ~= its then
      return mine < its
    end
  end
  return #sort_key < #bound
end

local slice = redis.call('HSCAN', prefix .. 'names:' .. list, ARGV[4], 'MATCH', ARGV[3], 'COUNT', ARGV[5])
local matches, ranks, places = slice[2], {}, {}
for i = 1, #matches, 2 do
  local sort_key = matches[i + 1]
  if bound == '' or may_be_before(sort_key) then
    local place = sort_key .. '\0' .. string.match(matches[i], '%z(.*)$')
    local rank = redis.call('ZRANK', prefix .. 'order:' .. list, place)
    if rank and not places[rank] then
      ranks[#ranks + 1] = rank
      places[rank] = place
    end
  end
end
table.sort(ranks)
local nearest = {}
for i = 1, math.min(limit, #ranks) do
  nearest[2 * i - 1], nearest[2 * i] = ranks[i], places[ranks[i]]
end
return {generation, slice[1], #matches / 2, nearest}
