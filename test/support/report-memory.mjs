/**
 * Preloaded into a program that is measured (`node --import`, also by NODE_OPTIONS, which reaches the children of a child): writes
 * what V8 says of the process' memory, in bytes, into a file named after its pid, every few seconds. It keeps no process alive.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const INTERVAL_MS = 2000;

const folder = process.env.MEMORY_REPORTS;
if (folder !== undefined) {
  const path = join(folder, `${process.pid}.json`);
  setInterval(() => writeFileSync(path, JSON.stringify(process.memoryUsage())), INTERVAL_MS).unref();
}
