import { structToJson, type WireStruct } from './struct.ts';

/**
 * GenerateRequest to the JSON request of the HTTP door. Nothing is checked or filled in here: the one parser behind both doors does
 * that, so that both say the same about the same mistake.
 */

export interface WireRequest {
  readonly loras?: readonly WireLora[];
  readonly composition?: WireStruct;
  /** All other fields are the JSON request's own. */
  readonly [field: string]: unknown;
}

interface WireLora {
  readonly weight?: number;
  readonly weights?: { readonly unet?: number; readonly text_encoder?: number };
  readonly [field: string]: unknown;
}

export function requestFromWire({ loras, composition, ...rest }: WireRequest): unknown {
  return {
    ...rest,
    ...(loras === undefined ? {} : { loras: loras.map(loraFromWire) }),
    ...(composition === undefined ? {} : { composition: structToJson(composition) }),
  };
}

/** Protobuf has no union of a number and a message: `weight` and `weights` are one field in JSON. */
function loraFromWire({ weights, ...rest }: WireLora): unknown {
  return weights === undefined ? rest : { ...rest, weight: weights };
}
