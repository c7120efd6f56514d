import { luaScript } from './lua-script.ts';

/**
 * The changes of a job's record and its events, each one atomic step in Redis. KEYS[1] is the record, KEYS[2] the events.
 *
 * The record's `attempt` is the fencing token: `claim` raises it, and whatever an attempt publishes is refused once it is no longer
 * the newest or the job is no longer running. So a job that runs twice has one history and one end. Times are Redis' own clock.
 */

const COMMON = `
local record, events = KEYS[1], KEYS[2]
local function now()
  local time = redis.call('TIME')
  return string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
end
local function is_final(status)
  return status == 'completed' or status == 'failed' or status == 'cancelled'
end
local function is_current(attempt)
  local held = redis.call('HMGET', record, 'attempt', 'status')
  return held[1] == attempt and held[2] == 'running'
end
local function publish(event)
  redis.call('XADD', events, 'MAXLEN', '~', 10000, '*', 'event', event)
end
local function finish(status, event, field, value, lifetime)
  redis.call('HSET', record, 'status', status, 'finished_at', now())
  if field ~= '' then redis.call('HSET', record, field, value) end
  publish(event)
  redis.call('EXPIRE', record, lifetime)
  redis.call('EXPIRE', events, lifetime)
end
local CANCELLED = '{"type":"cancelled"}'
`;

/** ARGV: owner, model, accepted job, `queued` event, lifetime in seconds of a job that never finishes. */
export const CREATE = luaScript(`${COMMON}
redis.call('HSET', record, 'owner', ARGV[1], 'model', ARGV[2], 'job', ARGV[3], 'status', 'queued', 'attempt', 0, 'crashes', 0, 'accepted_at', now())
publish(ARGV[4])
redis.call('EXPIRE', record, ARGV[5])
redis.call('EXPIRE', events, ARGV[5])
`);

/** ARGV: device, result lifetime. Returns { 'gone' } or { 'claimed', attempt, accepted job, crashes, milliseconds in the queue, owner }. */
export const CLAIM = luaScript(`${COMMON}
local held = redis.call('HMGET', record, 'status', 'cancel', 'job', 'crashes', 'accepted_at', 'owner')
if not held[1] or is_final(held[1]) then return { 'gone' } end
if held[2] then
  finish('cancelled', CANCELLED, '', '', ARGV[2])
  return { 'gone' }
end
local attempt = redis.call('HINCRBY', record, 'attempt', 1)
local started = now()
redis.call('HSET', record, 'status', 'running', 'started_at', started)
publish(cjson.encode({ type = 'started', attempt = attempt, device = ARGV[1] }))
return { 'claimed', attempt, held[3], tonumber(held[4]), started - held[5], held[6] }
`);

/** ARGV: attempt, event. Returns 'published', 'cancel' (published, and somebody wants the job cancelled) or 'fenced'. */
export const PUBLISH = luaScript(`${COMMON}
if not is_current(ARGV[1]) then return 'fenced' end
publish(ARGV[2])
if redis.call('HEXISTS', record, 'cancel') == 1 then return 'cancel' end
return 'published'
`);

/** ARGV: attempt, status, event, field ('' for none), value, result lifetime. Returns 1, or 0 if fenced. */
export const FINISH = luaScript(`${COMMON}
if not is_current(ARGV[1]) then return 0 end
finish(ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
return 1
`);

/** ARGV: event, error, result lifetime. Ends a job that no attempt will end. Returns 1, or 0 if it has ended. */
export const ABANDON = luaScript(`${COMMON}
local status = redis.call('HGET', record, 'status')
if not status or is_final(status) then return 0 end
finish('failed', ARGV[1], 'error', ARGV[2], ARGV[3])
return 1
`);

/** ARGV: attempt. Counts an engine crash against the job. Returns the crashes so far, or 0 if fenced. */
export const COUNT_CRASH = luaScript(`${COMMON}
if not is_current(ARGV[1]) then return 0 end
return redis.call('HINCRBY', record, 'crashes', 1)
`);

/** ARGV: attempt. The attempt gives up its job, which waits again. Returns 1, or 0 if fenced. */
export const RELEASE = luaScript(`${COMMON}
if not is_current(ARGV[1]) then return 0 end
redis.call('HSET', record, 'status', 'queued')
return 1
`);

/** ARGV: owner, channel, job id, result lifetime. Returns 'unknown' (also if it is another owner's), 'finished', 'cancelled' (it was waiting) or 'cancelling'. */
export const CANCEL = luaScript(`${COMMON}
local held = redis.call('HMGET', record, 'status', 'owner')
local status = held[1]
if not status or held[2] ~= ARGV[1] then return 'unknown' end
if is_final(status) then return 'finished' end
if status == 'queued' then
  finish('cancelled', CANCELLED, '', '', ARGV[4])
  return 'cancelled'
end
redis.call('HSET', record, 'cancel', 1)
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 'cancelling'
`);
