/** google.protobuf.Struct to and from plain JSON values. */

/** A Struct as proto-loader reads it: exactly one of the members, or none for an unset value. */
export interface WireValue {
  readonly nullValue?: string;
  readonly numberValue?: number;
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly structValue?: WireStruct;
  readonly listValue?: { readonly values?: readonly WireValue[] };
}

export interface WireStruct {
  readonly fields?: Readonly<Record<string, WireValue>>;
}

export function structToJson(struct: WireStruct): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(struct.fields ?? {}).map(([name, value]) => [name, valueToJson(value)]));
}

function valueToJson(value: WireValue): unknown {
  if (value.structValue !== undefined) return structToJson(value.structValue);
  if (value.listValue !== undefined) return (value.listValue.values ?? []).map(valueToJson);
  return value.numberValue ?? value.stringValue ?? value.boolValue ?? null;
}

export function jsonToStruct(json: object): WireStruct {
  return { fields: Object.fromEntries(Object.entries(json).map(([name, value]) => [name, jsonToValue(value)])) };
}

function jsonToValue(json: unknown): WireValue {
  if (typeof json === 'number') return { numberValue: json };
  if (typeof json === 'string') return { stringValue: json };
  if (typeof json === 'boolean') return { boolValue: json };
  if (Array.isArray(json)) return { listValue: { values: json.map(jsonToValue) } };
  if (typeof json === 'object' && json !== null) return { structValue: jsonToStruct(json) };
  return { nullValue: 'NULL_VALUE' };
}
