import type { PipelineEvent } from '../contract/pipeline-event.ts';
import type { EngineMetrics } from '../telemetry/engine-metrics.ts';

/** Passes events on, and measures the time from one denoising step to the next; `now` in milliseconds. */
export async function* observeSteps(
  events: AsyncGenerator<PipelineEvent, void, void>,
  metrics: Pick<EngineMetrics, 'stepSeconds'>,
  options: { readonly method: string; readonly now: () => number },
): AsyncGenerator<PipelineEvent, void, void> {
  const { method, now } = options;
  let last: { readonly image: number; readonly time: number } | undefined;
  for await (const event of events) {
    if (event.type === 'step') {
      const time = now();
      // Before the first step of a picture lie LoRAs, text and the picture before it.
      if (last?.image === event.image) metrics.stepSeconds.observe({ method }, (time - last.time) / 1000);
      last = { image: event.image, time };
    }
    yield event;
  }
}
