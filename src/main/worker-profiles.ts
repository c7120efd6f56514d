import type { Redis } from 'ioredis';
import type { Settings } from '../config/settings.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { createProfileProducer, openProfileConsumer } from '../queue/profile-queue.ts';
import { createProfiles, type SeenLora } from '../service/profiles.ts';
import { createProfileStore } from '../store/profile-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { failGivenUp, type RunProfileEffects, runProfile } from '../worker/run-profile.ts';

/** The part of a worker that measures LoRAs: those that others have ordered, and at its start those of the folder. */
export interface WorkerProfiles {
  /** To be called when the engine is ready. */
  resume(model: ModelDescriptor): Promise<void>;
  pause(): Promise<void>;
  close(): Promise<void>;
}

export function openWorkerProfiles(options: {
  readonly settings: Settings;
  readonly model: string;
  readonly loras: string | undefined;
  readonly redis: Redis;
  /** A connection that the queue may have for itself. */
  readonly queueRedis: Redis;
  readonly engine: RunProfileEffects['engine'];
  readonly logger: Logger;
}): WorkerProfiles {
  const { settings, loras, redis, engine, logger } = options;
  const store = createProfileStore(redis);
  const queue = createProfileProducer(redis);
  const isAutomatic = settings.profiles === 'auto';
  const profiles = createProfiles({ store, queue, isAutomatic, logger });
  const consumer = openProfileConsumer({
    connection: options.queueRedis,
    model: options.model,
    take: (turn) => runProfile(turn, { store, engine, now: () => performance.now(), logger }),
    onGivenUp: (order) => failGivenUp(order, store),
    logger,
  });
  return {
    async resume(model) {
      await consumer.resume();
      if (!isAutomatic || loras === undefined) return;
      await profiles.notice(model, await lorasOf(loras, model, logger));
    },
    pause: () => consumer.pause(),
    async close() {
      await consumer.close();
      await queue.close();
    },
  };
}

/** Every LoRA of the folder that the model can take. What is wrong with the others is told to whoever asks for one. */
async function lorasOf(directory: string, model: ModelDescriptor, logger: Logger): Promise<readonly SeenLora[]> {
  const folder = openLoraFolder(directory);
  const found: SeenLora[] = [];
  for (const { id } of await folder.list()) {
    try {
      const receipt = await folder.inspect(id, model.loraTargets);
      if (receipt !== undefined) found.push({ id, sha256: receipt.sha256 });
    } catch (error) {
      logger.debug({ err: error, lora: id }, 'a file of the folder that is no LoRA of this model');
    }
  }
  return found;
}
