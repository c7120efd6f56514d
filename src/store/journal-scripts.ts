import {
  DEADLINES_KEY,
  eventsKey,
  holdersKey,
  outstandingKey,
  paceKey,
  receiptKey,
  recordKey,
  runningKey,
  TURNS_KEY,
  tombstoneKey,
  UNENDED_KEY,
  WEBHOOKS_KEY,
  waitingKey,
} from '../contract/redis-keys.ts';
import { jobHolder } from './blob-ledger.ts';
import { luaScript } from './lua-script.ts';

/**
 * The changes of a job's record, its events and its place in line, each one atomic step in Redis. KEYS[1] is the record, KEYS[2] the
 * events; every other name comes from what the record holds, and lies in the same slot.
 *
 * The record's `attempt` is the fencing token: `claim` raises it, and whatever an attempt publishes is refused once it is no longer
 * the newest or the job is no longer running. So a job that runs twice has one history and one end. What an owner has outstanding is
 * a set of ids that changes in the same step as the job: no crash can leave it counting what is no longer there. Times are Redis' own
 * clock.
 *
 * A script can run twice for one call: where Redis dies between doing it and answering, the client sends it again. So each of them
 * notices that it has been done, and answers as it did.
 */

/** How much a new measurement weighs against all earlier ones. */
const NEWEST_SHARE = 0.2;
const PACE_LIFETIME_S = 7 * 24 * 3600;

/** So that no receipt expires within the same tick as a record that needs it. */
const RECEIPT_GRACE_MS = 60_000;

const COMMON = `
local record, events = KEYS[1], KEYS[2]
local id = string.sub(record or '', ${recordKey('').length + 1})
local function look_at(job)
  id, record, events = job, '${recordKey('')}' .. job, '${eventsKey('')}' .. job
end
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
local function wait_in_line()
  local held = redis.call('HMGET', record, 'model', 'turn')
  redis.call('SREM', '${runningKey('')}' .. held[1], id)
  redis.call('ZADD', '${waitingKey('')}' .. held[1], held[2], id)
end
local function has_receipt(hash)
  return redis.call('EXISTS', '${receiptKey('')}' .. hash) == 1
end
local function hold_receipt(hash, text)
  local receipt = '${receiptKey('')}' .. hash
  if text then redis.call('HSETNX', receipt, 'receipt', text) end
  if redis.call('HINCRBY', receipt, 'jobs', 1) == 1 then redis.call('PERSIST', receipt) end
end
-- Gateways and workers may have been told other lifetimes: the longest of all ended jobs holds.
local function release_receipt(hash, lifetime)
  local receipt = '${receiptKey('')}' .. hash
  local ends = now() + lifetime * 1000 + ${RECEIPT_GRACE_MS}
  ends = string.format('%d', math.max(ends, redis.call('HGET', receipt, 'until') or 0))
  redis.call('HSET', receipt, 'until', ends)
  if redis.call('HINCRBY', receipt, 'jobs', -1) == 0 then redis.call('PEXPIREAT', receipt, ends) end
end
local function leave(lifetime)
  local held = redis.call('HMGET', record, 'model', 'owner', 'stored', 'receipts')
  for sha256 in string.gmatch(held[3] or '', '%x+') do
    redis.call('SREM', '${holdersKey('')}' .. sha256, '${jobHolder('')}' .. id)
  end
  for hash in string.gmatch(held[4] or '', '%x+') do release_receipt(hash, lifetime) end
  redis.call('ZREM', '${waitingKey('')}' .. held[1], id)
  redis.call('SREM', '${runningKey('')}' .. held[1], id)
  redis.call('ZREM', '${outstandingKey('')}' .. held[2], id)
  redis.call('ZREM', '${UNENDED_KEY}', id)
  redis.call('ZREM', '${DEADLINES_KEY}', id)
  return held[2]
end
local function finish(status, event, field, value, lifetime)
  redis.call('HSET', record, 'status', status, 'finished_at', now())
  if field ~= '' then redis.call('HSET', record, field, value) end
  publish(event)
  redis.call('EXPIRE', record, lifetime)
  redis.call('EXPIRE', events, lifetime)
  redis.call('SET', '${tombstoneKey('')}' .. id, leave(lifetime), 'EX', lifetime * 2)
  -- Within a JSON string its quotes would be escaped, so this is the field and never a part of a prompt.
  if string.find(redis.call('HGET', record, 'job'), '"webhook":{', 1, true) then
    redis.call('ZADD', '${WEBHOOKS_KEY}', now(), id)
  end
end
local CANCELLED = '{"type":"cancelled"}'
`;

/** BullMQ's scores are place * 2^32 + turn; so are ours, so that a place in our line is the place in the queue. */
const SCORE_OF_PLACE = 2 ** 32;

/**
 * KEYS[3]: what the idempotency key made, if there is one. ARGV: owner, model, queue's name, accepted job, priority level, first place
 * of that level, most that may wait for the model, most that the owner may have, deadline in milliseconds ('' for none), work, kind,
 * hashes of the stored files that the job needs, hashes of its LoRAs' receipts; an idempotency key's fingerprint and its lifetime ('' for
 * none); and the texts of the receipts, or none of them.
 * Returns { 'accepted', position, place }, { 'replayed', job id, position }, { 'conflict' }, { 'queue full' }, { 'too many' },
 * { 'file gone', hash } or, where the texts are not there and one of them is not known, { 'receipts wanted' }.
 */
export const ADMIT = luaScript(`${COMMON}
local owner, model, idempotency = ARGV[1], ARGV[2], KEYS[3]
local done = redis.call('HMGET', record, 'position', 'place')
if done[1] then return { 'accepted', tonumber(done[1]), tonumber(done[2]) } end
if idempotency then
  local first = redis.call('HMGET', idempotency, 'job', 'fingerprint', 'position')
  if first[1] and first[2] ~= ARGV[14] then return { 'conflict' } end
  if first[1] then return { 'replayed', first[1], tonumber(first[3]) } end
end
local waiting, outstanding = '${waitingKey('')}' .. model, '${outstandingKey('')}' .. owner
if redis.call('ZCARD', waiting) >= tonumber(ARGV[7]) then return { 'queue full' } end
if redis.call('ZCARD', outstanding) >= tonumber(ARGV[8]) then return { 'too many' } end
-- A file that nobody holds is being swept, or has been: it was deleted between its look-up and now.
for sha256 in string.gmatch(ARGV[12], '%x+') do
  if redis.call('EXISTS', '${holdersKey('')}' .. sha256) == 0 then return { 'file gone', sha256 } end
end
if not ARGV[16] then
  for hash in string.gmatch(ARGV[13], '%x+') do
    if not has_receipt(hash) then return { 'receipts wanted' } end
  end
end
for sha256 in string.gmatch(ARGV[12], '%x+') do
  redis.call('SADD', '${holdersKey('')}' .. sha256, '${jobHolder('')}' .. id)
end
local next_text = 16
for hash in string.gmatch(ARGV[13], '%x+') do
  hold_receipt(hash, ARGV[next_text])
  next_text = next_text + 1
end
local place = tonumber(ARGV[6]) + redis.call('ZCOUNT', outstanding, '-inf', ARGV[5])
local turn = place * ${SCORE_OF_PLACE} + redis.call('INCR', '${TURNS_KEY}') % ${SCORE_OF_PLACE}
turn = string.format('%.0f', turn)
local accepted = now()
redis.call('HSET', record, 'owner', owner, 'model', model, 'queue', ARGV[3], 'job', ARGV[4], 'status', 'queued', 'attempt', 0,
  'crashes', 0, 'accepted_at', accepted, 'place', place, 'turn', turn, 'work', ARGV[10], 'kind', ARGV[11], 'stored', ARGV[12],
  'receipts', ARGV[13])
redis.call('ZADD', waiting, turn, id)
redis.call('ZADD', outstanding, ARGV[5], id)
redis.call('ZADD', '${UNENDED_KEY}', accepted, id)
if ARGV[9] ~= '' then
  local deadline = string.format('%d', accepted + ARGV[9])
  redis.call('HSET', record, 'deadline_at', deadline)
  redis.call('ZADD', '${DEADLINES_KEY}', deadline, id)
end
local position = redis.call('ZRANK', waiting, id)
redis.call('HSET', record, 'position', position)
publish('{"type":"queued","queue_position":' .. position .. '}')
if idempotency then
  redis.call('HSET', idempotency, 'job', id, 'fingerprint', ARGV[14], 'position', position)
  redis.call('EXPIRE', idempotency, ARGV[15])
  redis.call('HSET', record, 'idempotency', idempotency)
end
return { 'accepted', position, place }
`);

/** Undoes ADMIT. ARGV: result lifetime. */
export const WITHDRAW = luaScript(`${COMMON}
local idempotency = redis.call('HGET', record, 'idempotency')
if idempotency then redis.call('DEL', idempotency) end
local status = redis.call('HGET', record, 'status')
if status and not is_final(status) then leave(ARGV[1]) end
redis.call('DEL', record, events)
`);

/** Returns { 'unknown' }, { 'expired', owner } or { 'found', fields, jobs before it or -1, jobs that run, pace, now, receipts of a completed job }. */
export const READ = luaScript(`${COMMON}
local fields = redis.call('HGETALL', record)
if #fields == 0 then
  local owner = redis.call('GET', '${tombstoneKey('')}' .. id)
  return owner and { 'expired', owner } or { 'unknown' }
end
local held = redis.call('HMGET', record, 'model', 'status', 'kind')
if is_final(held[2]) then
  local receipts = {}
  if held[2] == 'completed' then
    for hash in string.gmatch(redis.call('HGET', record, 'receipts'), '%x+') do
      receipts[#receipts + 1] = redis.call('HGET', '${receiptKey('')}' .. hash, 'receipt')
    end
  end
  return { 'found', fields, -1, 0, {}, now(), receipts }
end
local position = redis.call('ZRANK', '${waitingKey('')}' .. held[1], id)
local running = redis.call('SCARD', '${runningKey('')}' .. held[1])
local pace = redis.call('HMGET', '${paceKey('')}' .. held[1], 'job_ms', 'work_ms:' .. held[3])
return { 'found', fields, position or -1, running, pace, now(), {} }
`);

/**
 * ARGV: device, result lifetime, `failed` event and error of a deadline that has passed, a token of this call's own. Returns { 'gone' } or { 'claimed', attempt,
 * accepted job, crashes, milliseconds in the queue, owner, milliseconds until its deadline or -1 }.
 */
export const CLAIM = luaScript(`${COMMON}
local held = redis.call('HMGET', record, 'status', 'cancel', 'job', 'crashes', 'accepted_at', 'owner', 'deadline_at', 'model',
  'claimed_by', 'attempt')
if not held[1] or is_final(held[1]) then return { 'gone' } end
local started = now()
if held[2] then
  finish('cancelled', CANCELLED, '', '', ARGV[2])
  return { 'gone' }
end
if held[7] and started - held[7] >= 0 then
  finish('failed', ARGV[3], 'error', ARGV[4], ARGV[2])
  return { 'gone' }
end
local attempt = tonumber(held[10])
local left = held[7] and held[7] - started or -1
local function claimed() return { 'claimed', attempt, held[3], tonumber(held[4]), started - held[5], held[6], left } end
if held[1] == 'running' and held[9] == ARGV[5] then return claimed() end
attempt = redis.call('HINCRBY', record, 'attempt', 1)
redis.call('HSET', record, 'status', 'running', 'started_at', started, 'claimed_by', ARGV[5])
redis.call('HDEL', record, 'published', 'done', 'done_at', 'first_done', 'first_done_at')
redis.call('ZREM', '${waitingKey('')}' .. held[8], id)
redis.call('SADD', '${runningKey('')}' .. held[8], id)
publish(cjson.encode({ type = 'started', attempt = attempt, device = ARGV[1] }))
return claimed()
`);

/** ARGV: attempt, event, steps done of all its pictures ('' where it is no step), how many events the attempt has published with this one. Returns 'published', 'cancel' (published, and somebody wants the job cancelled) or 'fenced'. */
export const PUBLISH = luaScript(`${COMMON}
if not is_current(ARGV[1]) then return 'fenced' end
if tonumber(redis.call('HGET', record, 'published') or 0) < tonumber(ARGV[4]) then
  publish(ARGV[2])
  redis.call('HSET', record, 'published', ARGV[4])
end
if ARGV[3] ~= '' then
  local time = now()
  redis.call('HSET', record, 'done', ARGV[3], 'done_at', time)
  if redis.call('HSETNX', record, 'first_done', ARGV[3]) == 1 then redis.call('HSET', record, 'first_done_at', time) end
end
if redis.call('HEXISTS', record, 'cancel') == 1 then return 'cancel' end
return 'published'
`);

/** ARGV: attempt, status, event, field ('' for none), value, result lifetime. Returns 1, or 0 if fenced. A completed job teaches the pace of its model. */
export const FINISH = luaScript(`${COMMON}
if not is_current(ARGV[1]) then return 0 end
if ARGV[2] == 'completed' then
  local held = redis.call('HMGET', record, 'model', 'kind', 'work', 'started_at')
  local pace, took = '${paceKey('')}' .. held[1], now() - held[4]
  local function learn(field, value)
    local known = redis.call('HGET', pace, field)
    local blend = known and known + (value - known) * ${NEWEST_SHARE} or value
    redis.call('HSET', pace, field, string.format('%.9g', blend))
  end
  learn('job_ms', took)
  if tonumber(held[3]) > 0 then learn('work_ms:' .. held[2], took / held[3]) end
  redis.call('EXPIRE', pace, ${PACE_LIFETIME_S})
end
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
-- An attempt ends with its engine: it has one crash to count.
if redis.call('HGET', record, 'crashed') == ARGV[1] then return tonumber(redis.call('HGET', record, 'crashes')) end
redis.call('HSET', record, 'crashed', ARGV[1])
return redis.call('HINCRBY', record, 'crashes', 1)
`);

/** ARGV: attempt. The attempt gives up its job, which waits again. Returns 1, or 0 if fenced. */
export const RELEASE = luaScript(`${COMMON}
if not is_current(ARGV[1]) then return 0 end
redis.call('HSET', record, 'status', 'queued')
wait_in_line()
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

/**
 * ARGV: `failed` event, error, result lifetime, most at once. Ends waiting jobs whose deadline has passed; a worker ends its own.
 * Returns a list of { id, model }.
 */
export const END_OVERDUE = luaScript(`${COMMON}
local ended = {}
for _, job in ipairs(redis.call('ZRANGEBYSCORE', '${DEADLINES_KEY}', '-inf', now(), 'LIMIT', 0, ARGV[4])) do
  look_at(job)
  local held = redis.call('HMGET', record, 'status', 'model')
  if held[1] == 'queued' then
    finish('failed', ARGV[1], 'error', ARGV[2], ARGV[3])
    ended[#ended + 1] = { id, held[2] }
  else
    -- It runs, or is no more: nothing waits for this deadline here.
    redis.call('ZREM', '${DEADLINES_KEY}', id)
  end
end
return ended
`);

/**
 * ARGV: prefix of the queue's names, from which entry of all unended jobs, how many, milliseconds that both sides get to agree.
 * Compares the journal with BullMQ's own record of the job. Returns a list of { id, model, place, what }: 'forgotten' where the queue
 * has no such job, or holds it as completed; 'given up' where it holds it as failed.
 */
export const COMPARE = luaScript(`${COMMON}
local found, time, from = {}, now(), tonumber(ARGV[2])
for _, job in ipairs(redis.call('ZRANGE', '${UNENDED_KEY}', from, from + ARGV[3] - 1)) do
  look_at(job)
  local held = redis.call('HMGET', record, 'status', 'model', 'queue', 'place', 'accepted_at')
  if not held[1] then
    redis.call('ZREM', '${UNENDED_KEY}', id)
  else
    local queued = redis.call('HMGET', ARGV[1] .. ':' .. held[3] .. ':' .. id, 'timestamp', 'finishedOn', 'failedReason')
    local since = tonumber(queued[2] or held[5])
    local what = nil
    if not queued[1] then what = 'forgotten' end
    if queued[2] then what = queued[3] and 'given up' or 'forgotten' end
    if what and time - since >= tonumber(ARGV[4]) then found[#found + 1] = { id, held[2], tonumber(held[4]), what } end
  end
end
return found
`);
