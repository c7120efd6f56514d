import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { JournalEvent } from '../contract/job-event.ts';
import { eventsKey, wakeKey } from '../contract/redis-keys.ts';
import type { Logger } from '../telemetry/logger.ts';
import { FIRST_ENTRY, isAfter } from './entry-id.ts';

/**
 * Follows the event streams of any number of jobs for any number of watchers with one blocking read: an XREAD over all watched
 * streams and one wake stream, which ends the read when the set of streams changes.
 *
 *   XREAD ──> stream ──> buffer of each watcher ──> watch()
 *   XRANGE ─────────────────────────────────────────┘   (who joined late, or was too slow for its buffer)
 *
 * A watcher that falls behind costs no memory: its buffer is dropped and it reads from Redis, at its own pace, what it has missed.
 */

export interface JournalEntry {
  readonly id: string;
  readonly event: JournalEvent;
}

interface Watcher {
  /** The entry that was handed out last. */
  last: string;
  buffer: JournalEntry[];
  /** True where the buffer does not hold everything since `last`. */
  isBehind: boolean;
  notify: () => void;
}

interface WatchedStream {
  /** The entry that was read last; everything after it still comes by XREAD. */
  cursor: string;
  readonly watchers: Set<Watcher>;
}

const BUFFERED_ENTRIES = 256;
const PAGE_ENTRIES = 256;
/** A read that has waited this long is made again; it only has to be shorter than what a network lets an idle connection live. */
const BLOCK_MS = 10_000;
const WAKE_LIFETIME_S = 60;
const RETRY_MS = 200;

export class EventReader {
  readonly #commands: Redis;
  readonly #blocking: Redis;
  readonly #logger: Logger;
  readonly #onDropped: (entries: number) => void;
  readonly #streams = new Map<string, WatchedStream>();
  readonly #wakeKey = wakeKey(randomUUID());
  #wakeCursor = FIRST_ENTRY;
  #isClosed = false;
  readonly #reading: Promise<void>;

  /** `blocking` belongs to the reader from here on, and is closed with it. */
  constructor(options: {
    readonly commands: Redis;
    readonly blocking: Redis;
    readonly logger: Logger;
    /** Told how many entries a slow watcher's buffer held when it was dropped. */
    readonly onDropped?: (entries: number) => void;
  }) {
    this.#commands = options.commands;
    this.#blocking = options.blocking;
    this.#logger = options.logger;
    this.#onDropped = options.onDropped ?? (() => {});
    this.#reading = this.#read();
  }

  /** Every entry after the entry `after`, as it comes. Never ends by itself: the caller stops at the last event or aborts. */
  async *watch(jobId: string, after: string, signal: AbortSignal): AsyncGenerator<JournalEntry, void, void> {
    const key = eventsKey(jobId);
    const watcher = await this.#join(key, after);
    const stop = () => watcher.notify();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted && !this.#isClosed) {
        const entries = watcher.isBehind ? await this.#catchUp(key, watcher) : watcher.buffer.splice(0);
        for (const entry of entries) {
          if (!isAfter(entry.id, watcher.last)) continue;
          watcher.last = entry.id;
          yield entry;
        }
        if (watcher.isBehind || watcher.buffer.length > 0 || signal.aborted || this.#isClosed) continue;
        await new Promise<void>((resolve) => {
          watcher.notify = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#leave(key, watcher);
    }
  }

  /** The newest entry of a job's stream; undefined where there is none. */
  async lastEntryId(jobId: string): Promise<string | undefined> {
    const [newest] = await this.#commands.xrevrange(eventsKey(jobId), '+', '-', 'COUNT', 1);
    return newest?.[0];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#blocking.disconnect();
    for (const { watchers } of this.#streams.values()) for (const watcher of watchers) watcher.notify();
    await this.#reading;
  }

  async #join(key: string, after: string): Promise<Watcher> {
    const watcher: Watcher = { last: after, buffer: [], isBehind: false, notify: () => {} };
    const stream = this.#streams.get(key);
    if (stream !== undefined) {
      watcher.isBehind = true;
      stream.watchers.add(watcher);
      return watcher;
    }
    this.#streams.set(key, { cursor: after, watchers: new Set([watcher]) });
    try {
      await this.#commands
        .multi()
        .xadd(this.#wakeKey, 'MAXLEN', 1, '*', 'watch', key)
        .expire(this.#wakeKey, WAKE_LIFETIME_S)
        .exec();
    } catch (error) {
      this.#leave(key, watcher);
      throw error;
    }
    return watcher;
  }

  #leave(key: string, watcher: Watcher): void {
    const stream = this.#streams.get(key);
    stream?.watchers.delete(watcher);
    if (stream?.watchers.size === 0) this.#streams.delete(key);
  }

  async #catchUp(key: string, watcher: Watcher): Promise<readonly JournalEntry[]> {
    // From here on new entries are buffered again; those that the page holds too are skipped by their ids.
    watcher.buffer = [];
    watcher.isBehind = false;
    const page = await this.#commands.xrange(key, `(${watcher.last}`, '+', 'COUNT', PAGE_ENTRIES);
    if (page.length === PAGE_ENTRIES) watcher.isBehind = true;
    return page.map(parseEntry);
  }

  async #read(): Promise<void> {
    while (!this.#isClosed) {
      // The streams of this read: one that is left and joined again meanwhile is another stream, with another cursor.
      const streams = new Map(this.#streams);
      try {
        const keys = [this.#wakeKey, ...streams.keys()];
        const cursors = [this.#wakeCursor, ...[...streams.values()].map((stream) => stream.cursor)];
        const answer = await this.#blocking.xread(
          'COUNT',
          PAGE_ENTRIES,
          'BLOCK',
          BLOCK_MS,
          'STREAMS',
          ...keys,
          ...cursors,
        );
        for (const [key, items] of (answer ?? []) as [string, RawEntry[]][]) {
          if (key === this.#wakeKey) this.#wakeCursor = items.at(-1)?.[0] ?? this.#wakeCursor;
          else if (streams.get(key) === this.#streams.get(key)) this.#deliver(key, items.map(parseEntry));
        }
      } catch (error) {
        if (this.#isClosed) return;
        this.#logger.warn({ err: error }, 'cannot read events; trying again');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #deliver(key: string, entries: readonly JournalEntry[]): void {
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    stream.cursor = entries.at(-1)?.id ?? stream.cursor;
    for (const watcher of stream.watchers) {
      if (watcher.isBehind) continue;
      watcher.buffer.push(...entries);
      if (watcher.buffer.length > BUFFERED_ENTRIES) {
        this.#onDropped(watcher.buffer.length);
        watcher.buffer = [];
        watcher.isBehind = true;
      }
      watcher.notify();
    }
  }
}

type RawEntry = [id: string, fields: string[]];

function parseEntry([id, fields]: RawEntry): JournalEntry {
  return { id, event: JSON.parse(fields[1] ?? '') };
}
