import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder, and the one below it where everything is kept that a set-up or a run makes and git ignores. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const STATE = join(ROOT, '.overtone');
