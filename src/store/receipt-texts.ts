import { createHash } from 'node:crypto';
import type { LoraInUse } from '../contract/generation-result.ts';

/**
 * Receipts as the journal keeps them: each text once, under its own hash, for all jobs that were accepted with it. A receipt names
 * every module that its file acts on, which is ten times as much as the rest of a job.
 */
export interface ReceiptTexts {
  hashOf(receipt: Receipt): string;
  textOf(receipt: Receipt): string;
}

type Receipt = LoraInUse['receipt'];

export function createReceiptTexts(): ReceiptTexts {
  /** What is remembered of a receipt goes with it. */
  const hashes = new WeakMap<Receipt, string>();
  const textOf = (receipt: Receipt) => JSON.stringify(receipt);
  return {
    hashOf(receipt) {
      const hash = hashes.get(receipt) ?? createHash('sha256').update(textOf(receipt)).digest('hex');
      hashes.set(receipt, hash);
      return hash;
    },
    textOf,
  };
}
