import type { Scope } from '../contract/principal.ts';

/**
 * Which scopes open which rpc; one of them is enough. An rpc without a row is answered to nobody. The standard health and reflection
 * services are open: the one is what a supervisor asks, who has no key, and the other tells what lies in proto/.
 */
export const RPC_SCOPES: Readonly<Record<string, readonly Scope[]>> = {
  'GenerationService/Generate': ['generate'],
  'GenerationService/Submit': ['generate'],
  'GenerationService/Get': ['generate'],
  'GenerationService/Watch': ['generate'],
  'GenerationService/Cancel': ['generate'],
  'GenerationService/Plan': ['generate'],
  'GenerationService/Replay': ['generate'],
  'LoraService/List': ['generate', 'registry'],
  'LoraService/Get': ['generate', 'registry'],
  'LoraService/Upload': ['registry'],
  'LoraService/MeasureProfile': ['generate', 'registry'],
  'LoraService/Delete': ['registry'],
};

/** `path` as it is on the wire: `/overtone.v1.GenerationService/Get`. */
export function scopesOf(path: string): readonly Scope[] {
  const scopes = RPC_SCOPES[path.replace('/overtone.v1.', '')];
  if (scopes === undefined) throw new Error(`${path} has no row in rpc-scopes.ts`);
  return scopes;
}
