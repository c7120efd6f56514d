import { expect, test } from 'vitest';
import { createProgress } from '../../../src/cli/progress.ts';

test('progress is silent for two seconds, and then speaks at most once a second', () => {
  let now = 0;
  const lines: string[] = [];
  const progress = createProgress({ write: (line) => lines.push(line), now: () => now });

  for (now = 0; now <= 4000; now += 500) progress(`at ${now}`);

  expect(lines).toEqual(['at 2000', 'at 3000', 'at 4000']);
});
