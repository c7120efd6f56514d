import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf } from '../core/message-of.ts';
import { InputError, type Problem } from '../core/problem.ts';

/** What every command line of `overtone` is read with. */

type Options = NonNullable<ParseArgsConfig['options']>;

/** Throws an InputError for a flag that is not among the options, or lacks its value. */
export function readFlags<const Given extends Options>(argv: readonly string[], options: Given) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** The same for a command that takes flags alone: a word among them is a problem too. */
export function readFlagsAlone<const Given extends Options>(argv: readonly string[], options: Given) {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (cause) {
    throw unreadable(cause);
  }
}

export function problem(subject: string, message: string): Problem {
  return { code: 'invalid_request', subject, message };
}

/** parseArgs stops at the first thing that it does not know; its sentence names it. */
function unreadable(cause: unknown): InputError {
  const message = messageOf(cause);
  return new InputError([problem('command line', message)], { cause });
}
