import { setImmediate } from 'node:timers/promises';
import { assert } from '../core/assert.ts';

/**
 * Step-level batching. Each live job awaits `submit(rows)`; rows that wait at the same moment and belong to one group run in one
 * call, whoever asked for them, and nobody can tell. It knows nothing of graphs or LoRAs: what may share a call, how many rows a
 * call may have and how it runs are given to it.
 *
 * Order is fair by age: a call serves the group of the row that has waited longest, and takes that group's rows first come, first
 * served. So a job of many rows cannot keep a job of few from its next step.
 */

export interface BatcherOptions<Row, Result> {
  /** Rows with equal keys may share a call. */
  readonly groupOf: (row: Row) => string;
  /** The most rows that a call with this row in it may have; at least 1. */
  readonly maxRowsOf: (row: Row) => number;
  /** Runs one call. Gives one result for each row, in order. */
  readonly run: (rows: readonly Row[]) => Promise<readonly Result[]>;
}

export interface Batcher<Row, Result> {
  /**
   * One result for each row, in order. Rejects with the signal's reason once it is aborted, before its rows run, and with the
   * call's error if a call with one of its rows fails.
   */
  submit(rows: readonly Row[], signal: AbortSignal): Promise<readonly Result[]>;
}

/** One `submit` and what has come back of it so far. */
interface Ticket<Result> {
  readonly signal: AbortSignal;
  readonly results: Result[];
  missing: number;
  isSettled: boolean;
  readonly resolve: (results: readonly Result[]) => void;
  readonly reject: (reason: unknown) => void;
}

interface WaitingRow<Row, Result> {
  readonly row: Row;
  readonly group: string;
  readonly position: number;
  readonly ticket: Ticket<Result>;
}

export function createBatcher<Row, Result>(options: BatcherOptions<Row, Result>): Batcher<Row, Result> {
  let waiting: readonly WaitingRow<Row, Result>[] = [];
  let isDraining = false;

  async function drain(): Promise<void> {
    isDraining = true;
    for (;;) {
      // A call blocks the thread, so before each one everybody who is ready gets a turn of the event loop to hand in rows.
      await setImmediate();
      waiting = waiting.filter(isStillWanted);
      const [oldest] = waiting;
      if (oldest === undefined) break;
      const call = waiting
        .filter(({ group }) => group === oldest.group)
        .slice(0, Math.max(1, options.maxRowsOf(oldest.row)));
      const taken = new Set(call);
      waiting = waiting.filter((row) => !taken.has(row));
      await runCall(options.run, call);
    }
    isDraining = false;
  }

  return {
    submit(rows, signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (rows.length === 0) return Promise.resolve([]);
      return new Promise((resolve, reject) => {
        const ticket = { signal, results: [], missing: rows.length, isSettled: false, resolve, reject };
        const added = rows.map((row, position) => ({ row, group: options.groupOf(row), position, ticket }));
        waiting = [...waiting, ...added];
        if (!isDraining) void drain();
      });
    },
  };
}

/** Whether a row still has somebody who waits for it; tells those whose signal was aborted. */
function isStillWanted<Row, Result>({ ticket }: WaitingRow<Row, Result>): boolean {
  if (ticket.signal.aborted) fail(ticket, ticket.signal.reason);
  return !ticket.isSettled;
}

async function runCall<Row, Result>(
  run: (rows: readonly Row[]) => Promise<readonly Result[]>,
  call: readonly WaitingRow<Row, Result>[],
): Promise<void> {
  try {
    const results = await run(call.map(({ row }) => row));
    assert(results.length === call.length, `a call of ${call.length} rows gave ${results.length} results`);
    results.forEach((result, index) => {
      const waitingRow = call[index];
      if (waitingRow !== undefined) deliver(waitingRow, result);
    });
  } catch (error) {
    for (const { ticket } of call) fail(ticket, error);
  }
}

function deliver<Row, Result>({ ticket, position }: WaitingRow<Row, Result>, result: Result): void {
  if (ticket.isSettled) return;
  ticket.results[position] = result;
  ticket.missing -= 1;
  if (ticket.missing > 0) return;
  ticket.isSettled = true;
  ticket.resolve(ticket.results);
}

function fail<Result>(ticket: Ticket<Result>, reason: unknown): void {
  if (ticket.isSettled) return;
  ticket.isSettled = true;
  ticket.reject(reason);
}
