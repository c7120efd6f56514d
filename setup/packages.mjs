/**
 * The packages of package-lock.json in node_modules. npm writes there, as the last thing of an installation, which versions it
 * installed: that record, not a stamp of ours, says whether there is anything to do.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.mjs';
import { findProgram, runCommand } from './run-command.mjs';
import { say } from './say.mjs';
import { SetupProblem } from './setup-problem.mjs';

const LOCK_FILE = join(ROOT, 'package-lock.json');
const INSTALLED_FILE = join(ROOT, 'node_modules/.package-lock.json');

export const packages = { isDone, run };

function isDone() {
  if (!existsSync(INSTALLED_FILE)) return false;
  const installed = readPackages(INSTALLED_FILE);
  return [...readPackages(LOCK_FILE)].every(([path, wanted]) => {
    const found = installed.get(path);
    // Builds for other platforms are listed in the lock and rightly not installed.
    if (found === undefined) return wanted.optional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

async function run() {
  const npm = findProgram('npm');
  if (npm === undefined) {
    throw new SetupProblem(
      'npm is not on PATH; it installs the packages that package-lock.json names',
      "install it (Debian, Ubuntu: 'apt-get install npm'; it is also part of the downloads of nodejs.org), then run this again",
    );
  }
  const paths = [...readPackages(LOCK_FILE).keys()];
  const present = () => paths.filter((path) => existsSync(join(ROOT, path))).length;
  say(`installing ${paths.length} packages with 'npm ci'`);
  await runCommand({
    program: npm,
    // Development packages too, whatever NODE_ENV says: the build needs the compiler.
    args: ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'],
    doing: 'installing packages',
    howFar: () => `(${present()} of at most ${paths.length})`,
    remedy:
      "type 'npm ping' to see whether the package registry can be reached, then 'npm ci' to see all that npm says",
  });
}

/** Paths below the project -> what the lock says of them, without the project itself. */
function readPackages(file) {
  const { packages: entries } = JSON.parse(readFileSync(file, 'utf8'));
  return new Map(Object.entries(entries).filter(([path]) => path !== ''));
}
