import type { StageObserver } from '../pipeline/stopwatch.ts';
import type { Span, Tracing } from '../telemetry/tracing.ts';

/**
 * The stages of one run as spans within the run's own: LoRAs, text, and for each picture its denoising and decoding. A stage that goes
 * on in several pieces, as denoising does step by step, is one span from the first to the last.
 */
export interface StageSpans {
  /** Told of each piece of a stage when it is over, in milliseconds of `performance.now()`. */
  readonly observe: StageObserver;
  /** Ends what is open. */
  close(): void;
}

export function createStageSpans(tracing: Tracing, run: Span): StageSpans {
  let open: { readonly stage: string; readonly span: Span; endMs: number } | undefined;
  const close = () => {
    open?.span.end({ endMs: open.endMs });
    open = undefined;
  };
  return {
    observe(stage, startMs, endMs) {
      if (open?.stage !== stage) {
        close();
        const name = stage.replace(/_ms$/, '');
        const span = tracing.begin(name, { parent: run.traceparent, startMs: performance.timeOrigin + startMs });
        open = { stage, span, endMs: 0 };
      }
      open.endMs = performance.timeOrigin + endMs;
    },
    close,
  };
}
