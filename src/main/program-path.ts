import { fileURLToPath } from 'node:url';

/**
 * The built program of this name. Node runs no TypeScript, so a child always comes from `dist/`, also where tests run this very
 * file from `src/`.
 */
export function programPath(name: 'worker' | 'engine'): string {
  return fileURLToPath(new URL(`../../dist/main/${name}.js`, import.meta.url));
}
