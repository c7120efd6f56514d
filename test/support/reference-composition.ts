/**
 * A composition as the reference data was made: the Python reference has cmlora's `uncond: per_lora`, as the paper has it, where a
 * request names none.
 */
export function asReferenceHasIt<Composition extends { readonly method: string } | undefined>(
  composition: Composition,
): Composition {
  return composition?.method === 'cmlora' ? { uncond: 'per_lora', ...composition } : composition;
}
