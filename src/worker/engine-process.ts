import { type ChildProcess, fork } from 'node:child_process';
import type { FromEngine, LoraPaths, ToEngine } from '../contract/engine-protocol.ts';
import { type ProblemDetails, ServiceError } from '../contract/errors.ts';
import type { AcceptedJob } from '../contract/job.ts';
import type { ProfileEvent, ProfileOrder } from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { PipelineEvent } from '../contract/pipeline-event.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { MetricsSnapshot } from '../telemetry/metrics-snapshot.ts';

/**
 * The engine as a child process: started, watched and started again when it dies. The worker's own event loop stays free for locks
 * and events while the child computes, and whatever the model's runtime does to its process costs the worker nothing but a retry.
 */

export type EngineState =
  | { readonly kind: 'loading'; readonly part: string; readonly done: number; readonly total: number }
  | { readonly kind: 'ready'; readonly model: ModelDescriptor }
  /** The checkpoint cannot be served, however often it is tried. */
  | { readonly kind: 'refused'; readonly error: ProblemDetails };

/** A run that the engine itself ended with an error, already in the words a client may see. */
export class RunFailure extends Error {
  override readonly name = 'RunFailure';
  readonly problem: ProblemDetails;

  constructor(problem: ProblemDetails) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** A run that was lost because the engine was killed over another one: no fault of its own, and no try of its job. */
export class EngineReplaced extends Error {
  override readonly name = 'EngineReplaced';
}

interface Run {
  readonly inbox: RunMessage[];
  notify: () => void;
  /** Started anew with every message; undefined where a run may be silent for as long as it likes. */
  readonly silence: NodeJS.Timeout | undefined;
  /** True once its last message has come, whether or not anybody has read it. */
  isOver: boolean;
}

type RunMessage =
  | Extract<FromEngine, { run: string }>
  | { readonly type: 'crashed' /** False where the engine was killed over another run. */; readonly isBlamed: boolean };

const STARTING: EngineState = { kind: 'loading', part: 'process', done: 0, total: 1 };
const RESTART_MS = { first: 100, most: 5000 };
/** After being asked to go, the child gets this long: as long as a call of the model may take, and then some. */
const SHUTDOWN_MS = 5000;

export class EngineProcess {
  readonly #options: EngineOptions;
  readonly #runs = new Map<string, Run>();
  readonly #waiting = new Set<() => void>();
  /** Cancelled runs that the engine has not let go of yet; when the timer ends, its patience has. */
  readonly #leaving = new Map<string, NodeJS.Timeout>();
  /** The run over which the engine is being killed. */
  #culprit: string | undefined;
  #child: ChildProcess | undefined;
  #state: EngineState = STARTING;
  #knownModel: ModelDescriptor | undefined;
  #isClosed = false;
  #runCount = 0;
  #failedStarts = 0;
  #restart: NodeJS.Timeout | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  start(): void {
    this.#setState(STARTING);
    this.#fork();
  }

  get state(): EngineState {
    return this.#state;
  }

  /** The model as it was last ready: still true while the engine only starts again. */
  get knownModel(): ModelDescriptor | undefined {
    return this.#knownModel;
  }

  /** The model, once it is loaded. Rejects with the signal's reason once it is aborted. */
  async ready(signal: AbortSignal): Promise<ModelDescriptor> {
    while (this.#state.kind !== 'ready') {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const done = () => {
          this.#waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#waiting.add(done);
        signal.addEventListener('abort', done);
      });
    }
    return this.#state.model;
  }

  /**
   * One attempt at one job. Throws a RunFailure for what the engine could not do, `engine_crashed` if it dies, and the signal's
   * reason once that is aborted and the engine has let go, which it is made to in the end: one that does not is killed, and so is
   * one that says nothing of a run for too long. Throws `EngineReplaced` where that happens over another run.
   */
  run(
    jobId: string,
    {
      request,
      preview,
      trace,
      files,
    }: Pick<AcceptedJob, 'request' | 'preview' | 'trace'> & { readonly files: LoraPaths },
    signal: AbortSignal,
  ): AsyncGenerator<PipelineEvent, void, void> {
    const run = `${jobId}/${++this.#runCount}`;
    return this.#converse<PipelineEvent>({ type: 'run', run, jobId, request, preview, trace, files }, signal);
  }

  /** One attempt at measuring a LoRA, which gives way to generations. Throws what `run` throws. */
  profile(order: ProfileOrder, files: LoraPaths, signal: AbortSignal): AsyncGenerator<ProfileEvent, void, void> {
    const run = `profile/${++this.#runCount}`;
    return this.#converse<ProfileEvent>({ type: 'profile', run, order, files }, signal);
  }

  /** Sends the engine a piece of work, and yields what it says of it. */
  async *#converse<Event extends PipelineEvent | ProfileEvent>(
    work: Extract<ToEngine, { type: 'run' | 'profile' }>,
    signal: AbortSignal,
  ): AsyncGenerator<Event, void, void> {
    await this.ready(signal);
    const id = work.run;
    const { cancelMs, silenceMs } = this.#options.patience;
    // A profile is silent for as long as generations have the right of way.
    const silence =
      work.type === 'run' ? setTimeout(() => this.#kill(id, 'it says nothing of a run'), silenceMs) : undefined;
    const run: Run = { inbox: [], notify: () => {}, silence, isOver: false };
    const cancel = () => {
      // Whoever has read enough leaves before the last message, which may lie in the inbox.
      if (run.isOver || this.#leaving.has(id)) return;
      this.#send({ type: 'cancel', run: id });
      const timer = setTimeout(() => this.#kill(id, 'it does not let go of a cancelled run'), cancelMs);
      this.#leaving.set(id, timer);
    };
    this.#runs.set(id, run);
    signal.addEventListener('abort', cancel);
    try {
      this.#send(work);
      for (;;) {
        const message = run.inbox.shift();
        if (message === undefined) {
          await new Promise<void>((resolve) => {
            run.notify = resolve;
          });
        } else if (message.type === 'event') {
          // What the engine says of a piece of work is of that work's kind: `main/engine.ts`.
          yield message.event as Event;
        } else {
          if (message.type === 'finished') return;
          signal.throwIfAborted();
          if (message.type === 'crashed' && !message.isBlamed) throw new EngineReplaced('killed over another run');
          if (message.type === 'crashed') throw new ServiceError('engine_crashed', 'the engine died in mid-job');
          throw new RunFailure(message.error);
        }
      }
    } finally {
      signal.removeEventListener('abort', cancel);
      clearTimeout(silence);
      this.#runs.delete(id);
      cancel();
    }
  }

  /** Stops the child and resolves when it is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    // One that still loads has nothing to end in order, and would not listen before it has loaded.
    if (this.#state.kind === 'ready') this.#send({ type: 'shutdown' });
    else child.kill('SIGKILL');
    const timer = setTimeout(() => child.kill('SIGKILL'), SHUTDOWN_MS);
    await gone;
    clearTimeout(timer);
  }

  #fork(): void {
    const child = fork(this.#options.program, [], {
      env: { ...process.env, ...this.#options.env },
      execArgv: [],
      serialization: 'advanced',
      // A process group of its own: Ctrl-C in a terminal reaches the worker, which decides when the engine goes.
      detached: true,
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    this.#child = child;
    child.on('message', (message) => this.#receive(message as FromEngine));
    child.on('error', (error) => this.#options.logger.error({ err: error }, 'engine process'));
    child.once('exit', (code, signal) => this.#onExit(code, signal));
  }

  #receive(message: FromEngine): void {
    if (message.type === 'loading') {
      this.#setState({ kind: 'loading', part: message.part, done: message.done, total: message.total });
    } else if (message.type === 'ready') {
      this.#failedStarts = 0;
      this.#knownModel = message.model;
      this.#setState({ kind: 'ready', model: message.model });
    } else if (message.type === 'metrics') {
      this.#options.onMetrics?.(message.snapshot as MetricsSnapshot);
    } else if (message.type === 'unready') {
      this.#setState({ kind: 'refused', error: message.error });
    } else {
      this.#deliver(message.run, message);
    }
  }

  #deliver(id: string, message: RunMessage): void {
    if (message.type !== 'event') this.#forgetLeaving(id);
    const run = this.#runs.get(id);
    if (run === undefined) return;
    run.silence?.refresh();
    run.isOver ||= message.type !== 'event';
    run.inbox.push(message);
    run.notify();
  }

  #forgetLeaving(id: string): void {
    clearTimeout(this.#leaving.get(id));
    this.#leaving.delete(id);
  }

  /** The hard cancel: whatever the model's runtime hangs in, it does not outlive its process. */
  #kill(id: string, reason: string): void {
    if (this.#child === undefined) return;
    this.#options.logger.error({ run: id, reason }, 'killing the engine');
    this.#culprit ??= id;
    this.#child.kill('SIGKILL');
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = undefined;
    const culprit = this.#culprit;
    this.#culprit = undefined;
    for (const id of [...this.#leaving.keys()]) this.#forgetLeaving(id);
    for (const id of this.#runs.keys()) {
      this.#deliver(id, { type: 'crashed', isBlamed: culprit === undefined || culprit === id });
    }
    if (this.#isClosed || this.#state.kind === 'refused') return;
    const delayMs = Math.min(RESTART_MS.first * 2 ** this.#failedStarts++, RESTART_MS.most);
    this.#options.logger.error({ code, signal, runs: this.#runs.size, delayMs }, 'the engine died; starting it again');
    this.#setState(STARTING);
    this.#restart = setTimeout(() => this.#fork(), delayMs);
  }

  #setState(state: EngineState): void {
    this.#state = state;
    this.#options.onState(state);
    for (const done of [...this.#waiting]) done();
  }

  /** A message to a child that has just died is lost; its exit tells every run. */
  #send(message: ToEngine): void {
    if (this.#child?.connected) this.#child.send(message, () => {});
  }
}

export interface EngineOptions {
  /** Path of the engine's program. */
  readonly program: string;
  /** Laid over this process' environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly onState: (state: EngineState) => void;
  /** Called every few seconds with all that the engine has measured. */
  readonly onMetrics?: (snapshot: MetricsSnapshot) => void;
  readonly patience: {
    /** How long a run may go on after it was cancelled: one call of the model, and then some. */
    readonly cancelMs: number;
    /** How long nothing may be heard of a run. */
    readonly silenceMs: number;
  };
  readonly logger: Logger;
}
