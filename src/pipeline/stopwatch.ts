import type { PipelineTimings } from '../contract/pipeline-event.ts';

/** Adds up the time of each stage. Only what is awaited inside `time` counts, not what a consumer does with an event in between. */
export interface Stopwatch {
  time<T>(stage: keyof PipelineTimings, work: () => Promise<T>): Promise<T>;
  timings(): PipelineTimings;
}

/** `now` gives milliseconds on a clock that never goes back. */
export function createStopwatch(now: () => number): Stopwatch {
  const timings = { load_loras_ms: 0, encode_text_ms: 0, denoise_ms: 0, decode_ms: 0 } satisfies PipelineTimings;
  return {
    async time(stage, work) {
      const start = now();
      const result = await work();
      timings[stage] += now() - start;
      return result;
    },
    timings: () => ({ ...timings }),
  };
}
