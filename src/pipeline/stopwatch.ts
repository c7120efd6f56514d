import type { PipelineTimings } from '../contract/pipeline-event.ts';

/** Adds up the time of each stage. Only what is awaited inside `time` counts, not what a consumer does with an event in between. */
export interface Stopwatch {
  time<T>(stage: keyof PipelineTimings, work: () => Promise<T>): Promise<T>;
  timings(): PipelineTimings;
}

/** Told of each piece of a stage when it is over, by the clock of the stopwatch. */
export type StageObserver = (stage: keyof PipelineTimings, startMs: number, endMs: number) => void;

/** `now` gives milliseconds on a clock that never goes back. */
export function createStopwatch(now: () => number, onStage?: StageObserver): Stopwatch {
  const timings = { load_loras_ms: 0, encode_text_ms: 0, denoise_ms: 0, decode_ms: 0 } satisfies PipelineTimings;
  return {
    async time(stage, work) {
      const start = now();
      const result = await work();
      const end = now();
      timings[stage] += end - start;
      onStage?.(stage, start, end);
      return result;
    },
    timings: () => ({ ...timings }),
  };
}
