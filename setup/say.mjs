/** One line to the person who waits. On stderr, so that the output of the program that follows stays its own. */
export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}
