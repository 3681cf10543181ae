-- Add an entry to an org's feed. This text is put before the scripts that add entries.
--
-- The id is the server's time and a number that begins with the script's nonce. A server that was promoted may give its
-- entries the times, and with a clock that is behind even the numbers, of entries that the server before it had and lost.
-- With the nonce no two entries that differ have the same id, so a reader that has seen a lost one is noticed.

local HIGHEST = 2 ^ 52 -- a browser's numbers are exact up to twice this
local begun = {}

local function add_entry(org, feed_length, nonce, ...)
  local feed = 'feed:' .. org
  if begun[org] then
    return redis.call('XADD', feed, 'MAXLEN', '~', feed_length, '*', ...)
  end
  begun[org] = true
  local time = redis.call('TIME')
  local ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local id = string.format('%.0f-%.0f', ms, nonce)
  local added = redis.pcall('XADD', feed, 'MAXLEN', '~', feed_length, id, ...)
  if type(added) ~= 'table' or not added.err then
    return added
  end
  -- The newest entry is of this millisecond or, by a clock that was ahead, of a later one.
  local info = redis.call('XINFO', 'STREAM', feed)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local last_ms, last_number = string.match(info[i + 1], '^(%d+)-(%d+)$')
      ms, nonce = tonumber(last_ms), tonumber(last_number) + nonce
    end
  end
  if nonce > HIGHEST then
    ms, nonce = ms + 1, nonce - HIGHEST
  end
  return redis.call('XADD', feed, 'MAXLEN', '~', feed_length, string.format('%.0f-%.0f', ms, nonce), ...)
end

