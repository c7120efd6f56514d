import { readdirSync, readFileSync } from 'node:fs';

/** A process of this machine, as Linux tells it. */
export interface FoundProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** All that are alive; what has ended and waits for its parent is not. */
export function processes(): readonly FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        return []; // It ended while we looked.
      }
    });
}

/** The engine child of a worker. */
export function engineOf(workerPid: number | undefined): number | undefined {
  return processes().find(({ parent, command }) => parent === workerPid && command.includes('/main/engine.js'))?.pid;
}

/** Kills a process that may just have ended. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has.
  }
}

/** Resolves when the condition holds; rejects, naming it, if it does not within the time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
