import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings, type Settings } from '../../src/config/settings.ts';
import { type LocalService, startLocalService } from '../../src/main/local-service.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

/** A whole service on the golden checkpoint and all golden LoRAs, good and bad, in a folder and on ports of its own. Its children run from dist/. */
export interface TestService extends LocalService {
  readonly settings: Settings;
  /** Stops everything and removes the folder. */
  close(): Promise<void>;
}

const GOLDEN = join(import.meta.dirname, '../golden');

export async function startTestService(overrides: Partial<Settings> = {}): Promise<TestService> {
  const data = await mkdtemp(join(tmpdir(), 'overtone-test-'));
  const loras = join(data, 'loras');
  for (const folder of ['loras', 'loras/bad']) await cp(join(GOLDEN, folder), loras, { recursive: true });
  const settings: Settings = { ...testSettings(data), model: join(GOLDEN, 'checkpoint'), loras, ...overrides };
  const service = await startLocalService({
    settings,
    logger: createLogger({ program: 'test', level: settings.logLevel }),
  });
  try {
    await service.ready;
  } catch (error) {
    await service.close();
    throw error;
  }
  return {
    ...service,
    settings,
    async close() {
      await service.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** Settings that meet nothing else on this machine. `OVERTONE_TEST_LOG=debug` shows what the processes say. */
export function testSettings(data: string): Settings {
  return parseSettings(
    {
      OVERTONE_DATA: data,
      OVERTONE_HTTP_PORT: '0',
      OVERTONE_GRPC_PORT: '0',
      OVERTONE_THREADS: '1',
      OVERTONE_DRAIN: '2',
      OVERTONE_PROFILES: 'off',
      OVERTONE_LOG_LEVEL: process.env.OVERTONE_TEST_LOG ?? 'silent',
    },
    [],
  );
}

/** A request that takes the golden checkpoint about a tenth of a second a step. */
export const SMALL_REQUEST = { prompt: 'a harbour in fog', width: 64, height: 64, steps: 3, seed: 7 };

export async function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return await fetch(url, { method: 'POST', body: text, headers: { 'content-type': 'application/json', ...headers } });
}

/** What a door answers, as far as tests look at it. */
export interface Answer {
  readonly id: string;
  readonly status: string | number;
  readonly attempt: number;
  readonly urls: { readonly self: string; readonly events: string; readonly cancel: string; readonly images: string };
  readonly result: {
    readonly images: readonly { readonly sha256: string }[];
    readonly loras: readonly { readonly id: string }[];
  };
  readonly models: readonly unknown[];
  readonly loras: readonly unknown[];
  /** Of problem details. */
  readonly code: string;
  readonly detail: string;
  readonly problems: readonly { readonly subject: string }[];
}

export async function jsonOf(response: Response | Promise<Response>): Promise<Answer> {
  return (await (await response).json()) as Answer;
}
