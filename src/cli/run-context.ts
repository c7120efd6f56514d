import type { Device } from '../engine/session.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Where text goes: the result's lines, and lines on the way that a person may want and a program does not. */
export interface Output {
  readonly result: (line: string) => void;
  readonly progress: (line: string) => void;
}

/** What a command that runs a model in this very process rests on besides its arguments. */
export interface RunContext {
  readonly device: Device;
  readonly threads: number | undefined;
  readonly logger: Logger;
  readonly output: Output;
  readonly signal: AbortSignal;
}
