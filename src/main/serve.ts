import type { Logger } from 'pino';
import type { Settings } from '../config/settings.ts';

/** A whole service on this machine: private Redis, gateway (HTTP and gRPC), worker, engine. */
export interface LocalService {
  /** `http://127.0.0.1:8080`, with the port that was really taken. */
  readonly httpUrl: string;
  /** `127.0.0.1:50051`. */
  readonly grpcAddress: string;
  /** Resolves when a worker is ready; rejects with the reason if its engine cannot be opened. */
  readonly ready: Promise<void>;
  /** Stops everything in order, within the drain deadline. No process is left. */
  close(): Promise<void>;
}

export interface LocalServiceOptions {
  readonly settings: Settings;
  readonly logger: Logger;
  /** Called while the engine loads. */
  readonly onProgress?: (progress: { readonly part: string; readonly done: number; readonly total: number }) => void;
}

/** Starts everything; resolves when HTTP and gRPC listen, which is before the model is loaded. */
export async function startLocalService(_options: LocalServiceOptions): Promise<LocalService> {
  throw new Error('not written yet');
}
