import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What an engine measures. Held by `main/engine.ts`, which hands a snapshot to its worker every two seconds. */
export interface EngineMetrics {
  readonly registry: Registry;
  readonly stepSeconds: Histogram<'method'>;
  readonly unetRows: Counter<'kind'>;
  readonly unetCallSeconds: Histogram<'kind'>;
  readonly loraCacheRequests: Counter<'outcome'>;
  readonly loraCacheEvictions: Counter;
  readonly loraLoadSeconds: Histogram;
  readonly loraCacheBytes: Gauge;
  readonly featureCacheBytes: Gauge;
  readonly residentMemoryBytes: Gauge<'process'>;
}

/** A row of a tiny model takes a millisecond, one of a large model on a slow CPU ten seconds. */
const CALL_BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

export function createEngineMetrics(): EngineMetrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    stepSeconds: new Histogram({
      name: 'overtone_step_seconds',
      help: 'From one denoising step of a picture to the next, its waiting for shared calls included.',
      labelNames: ['method'],
      buckets: CALL_BUCKETS,
      registers,
    }),
    unetRows: new Counter({
      name: 'overtone_unet_rows_total',
      help: 'Rows that the U-Net has run: passes, by kind. Several share a call.',
      labelNames: ['kind'],
      registers,
    }),
    unetCallSeconds: new Histogram({
      name: 'overtone_unet_call_seconds',
      help: 'One call of the U-Net, whatever rows share it.',
      labelNames: ['kind'],
      buckets: CALL_BUCKETS,
      registers,
    }),
    loraCacheRequests: new Counter({
      name: 'overtone_lora_cache_requests_total',
      help: 'LoRAs that a job needed in memory: hit where they were there, miss where they had to be read.',
      labelNames: ['outcome'],
      registers,
    }),
    loraCacheEvictions: new Counter({
      name: 'overtone_lora_cache_evictions_total',
      help: 'LoRAs that the engine has forgotten to make room for others.',
      registers,
    }),
    loraLoadSeconds: new Histogram({
      name: 'overtone_lora_load_seconds',
      help: 'Reading and checking one LoRA file.',
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    }),
    loraCacheBytes: new Gauge({
      name: 'overtone_lora_cache_bytes',
      help: 'LoRAs in the memory of the engine.',
      registers,
    }),
    featureCacheBytes: new Gauge({
      name: 'overtone_feature_cache_bytes',
      help: 'Cached features of the live jobs.',
      registers,
    }),
    residentMemoryBytes: residentMemory('engine', registry),
  };
}

/** The same metric for every process, which the label tells apart. */
export function residentMemory(process_: 'gateway' | 'worker' | 'engine', registry: Registry): Gauge<'process'> {
  return new Gauge({
    name: 'overtone_resident_memory_bytes',
    help: 'Memory of a process that lies in RAM.',
    labelNames: ['process'],
    registers: [registry],
    collect() {
      this.set({ process: process_ }, process.memoryUsage.rss());
    },
  });
}
