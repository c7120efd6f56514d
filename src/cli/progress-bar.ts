/**
 * A bar for work that takes hours: how much is done, how fast it goes and how long it will take yet. On a terminal one line that is
 * written over, anywhere else a line now and then. Like `progress.ts` it waits for no timer, because drawing blocks the thread.
 */

const BAR_WIDTH = 24;
/** On a terminal, and in a log. */
const INTERVALS_MS = { over: 200, log: 15_000 } as const;

export interface BarState {
  readonly label: string;
  readonly done: number;
  readonly total: number;
}

export interface ProgressBar {
  show(state: BarState): void;
  /** Ends the line that is written over. */
  finish(): void;
}

export function createProgressBar(options: {
  readonly write: (text: string) => void;
  readonly now: () => number;
  /** Whether a carriage return goes back to the start of the line. */
  readonly isTerminal: boolean;
}): ProgressBar {
  const { write, now, isTerminal } = options;
  const intervalMs = isTerminal ? INTERVALS_MS.over : INTERVALS_MS.log;
  let begun: { readonly label: string; readonly done: number; readonly atMs: number } | undefined;
  let nextAtMs = Number.NEGATIVE_INFINITY;
  let isOpen = false;
  return {
    show(state) {
      const atMs = now();
      // What was there already when the work began says nothing of how fast it goes.
      if (begun?.label !== state.label) begun = { label: state.label, done: state.done, atMs };
      if (atMs < nextAtMs) return;
      nextAtMs = atMs + intervalMs;
      const line = barLine(state, { done: state.done - begun.done, ms: atMs - begun.atMs });
      // Erases what a longer line before it has left.
      write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
      isOpen = isTerminal;
    },
    finish() {
      if (isOpen) write('\n');
      isOpen = false;
    },
  };
}

/** `since` is what this run has done, and in which time. */
export function barLine(
  { label, done, total }: BarState,
  since: { readonly done: number; readonly ms: number },
): string {
  const filled = total === 0 ? BAR_WIDTH : Math.floor((BAR_WIDTH * done) / total);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
  const pace = since.done > 0 && since.ms > 0 ? since.done / since.ms : undefined;
  const rest = pace === undefined ? '' : `, ${(1000 * pace).toFixed(2)}/s, ${duration((total - done) / pace)} left`;
  return `${label} ${bar} ${done}/${total}${rest}`;
}

function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}
