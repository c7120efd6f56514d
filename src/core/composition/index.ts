import { planCmlora } from './cmlora.ts';
import { planComposite } from './composite.ts';
import { planMerge } from './merge.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { Composition, MethodName } from './options.ts';
import { planSwitch } from './switch.ts';

/**
 * Every composition method there is. A new one is a file beside this one, a line here, and its options in `options.ts`; the
 * conformance suite then runs over it by itself.
 */

type CompositionOf<Name extends MethodName> = Extract<Composition, { readonly method: Name }>;

export const METHODS: {
  readonly [Name in MethodName]: (composition: CompositionOf<Name>, setup: CompositionSetup) => CompositionPlanner;
} = {
  merge: planMerge,
  switch: planSwitch,
  composite: planComposite,
  cmlora: planCmlora,
};

/** Binds a composition to one trajectory. Without adapters every method is the plain base model. */
export function planComposition(composition: Composition, setup: CompositionSetup): CompositionPlanner {
  if (setup.adapters.length === 0) return planMerge({ method: 'merge', text_encoder: 'none' }, setup);
  switch (composition.method) {
    case 'merge':
      return METHODS.merge(composition, setup);
    case 'switch':
      return METHODS.switch(composition, setup);
    case 'composite':
      return METHODS.composite(composition, setup);
    case 'cmlora':
      return METHODS.cmlora(composition, setup);
  }
}
