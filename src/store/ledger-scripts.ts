import { luaScript } from './lua-script.ts';

/**
 * The changes of the ledger of blobs, each one atomic step in Redis. KEYS[1] is the set of a blob's holders, KEYS[2] the sorted set of
 * all blobs by when to look at them, KEYS[3] the blob's condemnation. ARGV[1] is its sha256. The records that holders name are in the
 * same slot of a cluster as all else. Times are Redis' own clock.
 */

/** How soon a sweep looks at a blob of which it cannot be said when it will be free. */
const LOOK_AGAIN_MS = 600_000;
/** How soon a blob is looked at that somebody has given up: not at once, because a request may just be on its way to a job. */
export const GRACE_MS = 60_000;

const COMMON = `
local holders, blobs, condemned, sha256 = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function look_in(ms)
  redis.call('ZADD', blobs, string.format('%d', now() + ms), sha256)
end
`;

/** ARGV: sha256, holder. Returns 1, or 0 while the blob is being removed. */
export const HOLD = luaScript(`${COMMON}
if redis.call('EXISTS', condemned) == 1 then return 0 end
redis.call('SADD', holders, ARGV[2])
if not redis.call('ZSCORE', blobs, sha256) then look_in(${LOOK_AGAIN_MS}) end
return 1
`);

/** ARGV: sha256, holder. */
export const RELEASE = luaScript(`${COMMON}
if redis.call('SREM', holders, ARGV[2]) == 1 then look_in(${GRACE_MS}) end
`);

/**
 * ARGV: sha256, milliseconds. Returns 1 if nobody holds the blob, which is condemned then. Holders that hold no longer are forgotten on
 * the way; it stops at the first that does, and comes back when that may have changed.
 */
export const CONDEMN = luaScript(`${COMMON}
-- Milliseconds for which it goes on to hold for certain; nil if it does not.
local function held_for(holder)
  local kind, name = string.match(holder, '^(%a+) (%S+)')
  if kind == 'until' then
    local rest = tonumber(name) - now()
    return rest > 0 and rest or nil
  elseif kind == 'lora' then
    return redis.call('HGET', name, 'sha256') == sha256 and ${LOOK_AGAIN_MS} or nil
  elseif kind == 'result' then
    local rest = redis.call('PTTL', name)
    return rest ~= -2 and math.max(rest, 1000) or nil
  elseif kind == 'job' then
    local status = redis.call('HGET', name, 'status')
    local has_ended = status == 'completed' or status == 'failed' or status == 'cancelled'
    return status and not has_ended and ${LOOK_AGAIN_MS} or nil
  end
  -- A kind of a later version: not for this one to judge.
  return ${LOOK_AGAIN_MS}
end

if redis.call('EXISTS', condemned) == 1 then return 0 end
local cursor = '0'
repeat
  local page = redis.call('SSCAN', holders, cursor, 'COUNT', 100)
  cursor = page[1]
  for _, holder in ipairs(page[2]) do
    local ms = held_for(holder)
    if ms then
      look_in(ms)
      return 0
    end
    redis.call('SREM', holders, holder)
  end
until cursor == '0'
redis.call('SET', condemned, 1, 'PX', ARGV[2])
look_in(ARGV[2])
return 1
`);

/** ARGV: sha256. The blob is gone, and may be stored again. */
export const REMOVED = luaScript(`${COMMON}
redis.call('DEL', condemned)
if redis.call('EXISTS', holders) == 0 then redis.call('ZREM', blobs, sha256) end
`);
