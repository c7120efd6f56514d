import { createHash } from 'node:crypto';
import type { LoraReceipt } from '../core/lora/receipt.ts';

/**
 * Receipts as the journal keeps them: each text once, under its own hash, for all jobs that were accepted with it. A receipt names
 * every module that its file acts on, which is ten times as much as the rest of a job.
 */
export interface ReceiptTexts {
  hashOf(receipt: LoraReceipt): string;
  textOf(receipt: LoraReceipt): string;
}

export function createReceiptTexts(): ReceiptTexts {
  /** What is remembered of a receipt goes with it. */
  const hashes = new WeakMap<LoraReceipt, string>();
  const textOf = (receipt: LoraReceipt) => JSON.stringify(receipt);
  return {
    hashOf(receipt) {
      const hash = hashes.get(receipt) ?? createHash('sha256').update(textOf(receipt)).digest('hex');
      hashes.set(receipt, hash);
      return hash;
    },
    textOf,
  };
}
