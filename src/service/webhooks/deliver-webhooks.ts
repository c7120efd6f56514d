import type { Generation } from '../../contract/job.ts';
import type { Principal } from '../../contract/principal.ts';
import type { JobJournal } from '../../store/job-journal.ts';
import { keepRounds } from '../../store/rounds.ts';
import type { DueWebhook, WebhookOutbox } from '../../store/webhook-outbox.ts';
import type { WebhookSecrets } from '../../store/webhook-secrets.ts';
import type { GatewayMetrics } from '../../telemetry/gateway-metrics.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { postWebhook } from './post-webhook.ts';
import { signWebhook } from './sign-webhook.ts';
import type { WebhookPolicy } from './webhook-url.ts';

/**
 * Tells the receivers of webhooks that their generations have ended. Every gateway runs one; what is to be delivered lies in Redis, so
 * a restart loses nothing and two gateways do not tell the same thing twice, unless one of them dies in between: a receiver knows a
 * message that it has had by its `webhook-id`.
 */
export interface WebhookDelivery {
  /** Takes no more, and waits for what is on its way. */
  close(): Promise<void>;
}

export interface WebhookDeliveryParts {
  readonly outbox: WebhookOutbox;
  readonly journal: JobJournal;
  readonly secrets: WebhookSecrets;
  readonly policy: WebhookPolicy;
  readonly metrics: Pick<GatewayMetrics, 'webhooks'>;
  readonly logger: Logger;
  /** What is waited after each try that failed; after the last, the webhook is given up. */
  readonly delaysMs?: readonly number[];
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DELAYS_MS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 120 * MINUTE, 300 * MINUTE];

const INTERVAL_MS = 500;
const AT_ONCE = 32;
/** Of one owner: receivers that take their time hold up their own owner's messages and no other's. */
const OF_OWNER_AT_ONCE = 4;
/** Longer than a try takes at the most. */
const HOLD_MS = 30 * SECOND;

export function startWebhookDelivery(parts: WebhookDeliveryParts): WebhookDelivery {
  const { outbox, logger } = parts;
  const underway = new Set<Promise<void>>();
  /** By owner; those without any are not in it. */
  const busy = new Map<string, number>();
  const count = (owner: string, change: 1 | -1) => {
    const left = (busy.get(owner) ?? 0) + change;
    if (left === 0) busy.delete(owner);
    else busy.set(owner, left);
  };
  const round = async () => {
    if (underway.size === AT_ONCE) return;
    try {
      const most = AT_ONCE - underway.size;
      for (const due of await outbox.take({ most, share: OF_OWNER_AT_ONCE, busy, holdMs: HOLD_MS })) {
        count(due.owner, 1);
        const delivery = deliver(due, parts)
          .catch((error) => logger.warn({ err: error, job: due.jobId }, 'a webhook is left for later'))
          .finally(() => {
            count(due.owner, -1);
            underway.delete(delivery);
          });
        underway.add(delivery);
      }
    } catch (error) {
      // Redis is away, which its owner has logged.
      logger.debug({ err: error }, 'cannot look for webhooks');
    }
  };
  const stop = keepRounds(round, () => INTERVAL_MS);
  return {
    async close() {
      await stop();
      await Promise.all(underway);
    },
  };
}

async function deliver(due: DueWebhook, parts: WebhookDeliveryParts): Promise<void> {
  const { outbox, journal, secrets, policy, metrics, logger, delaysMs = DELAYS_MS } = parts;
  const { jobId, owner, url, attempt } = due;
  const asOwner: Principal = { owner, scopes: [], picturesPerDay: null };
  const generation = await journal.read(asOwner, jobId);
  // It has expired meanwhile: there is nothing left to tell of.
  if (generation === undefined) return await outbox.settle(jobId);
  // It was accepted before the setting changed.
  if (policy === 'off') return await outbox.settle(jobId);
  const body = JSON.stringify(messageOf(generation));
  const signed = signWebhook({
    id: `msg_${jobId}`,
    timestampS: Math.floor(Date.now() / 1000),
    body,
    secrets: await secrets.of(owner),
  });
  const headers = { ...signed, 'content-type': 'application/json', 'user-agent': 'Overtone' };
  const answer = await postWebhook({ url, headers, body, policy }).catch((error: Error) => error.message);
  const about = { job: jobId, attempt, answer };
  if (typeof answer === 'number' && answer >= 200 && answer < 300) {
    metrics.webhooks.inc({ outcome: 'delivered' });
    logger.info(about, 'webhook delivered');
    return await outbox.settle(jobId);
  }
  const delayMs = delaysMs[attempt - 1];
  // 410: the receiver wants nothing more.
  if (delayMs === undefined || answer === 410) {
    metrics.webhooks.inc({ outcome: 'given_up' });
    logger.warn(about, 'webhook given up');
    return await outbox.settle(jobId);
  }
  metrics.webhooks.inc({ outcome: 'retried' });
  logger.info({ ...about, delayMs }, 'webhook to be tried again');
  await outbox.retry(jobId, delayMs);
}

/** What has happened and where to look, and no more: small, and nothing in it that a log of the receiver should not hold. */
function messageOf({ id, status, finished_at, error, result }: Generation): object {
  const self = `/v1/generations/${id}`;
  const images = (result?.images ?? []).map(({ index, content_type, bytes, sha256 }) => {
    return { index, content_type, bytes, sha256, url: `${self}/images/${index}` };
  });
  return {
    type: `generation.${status}`,
    timestamp: finished_at,
    data: { id, status, url: self, images, ...(error !== null && { error }) },
  };
}
