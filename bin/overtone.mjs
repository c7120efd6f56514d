#!/usr/bin/env node
/** `npx overtone`: runs the built command line. Plain JavaScript, so that it can say what is missing before anything is built. */
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('overtone: not built yet; type: npm run build\n');
  process.exitCode = 1;
}
