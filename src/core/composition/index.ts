import { planCmlora } from './cmlora.ts';
import { planComposite } from './composite.ts';
import { planDeltaComposite } from './delta-composite.ts';
import { planLorahub } from './lorahub.ts';
import { planLoratorioLike } from './loratorio-like.ts';
import { planMerge } from './merge.ts';
import type { CompositionPlanner, CompositionSetup } from './method.ts';
import type { Composition, MethodName } from './options.ts';
import { planSwitch } from './switch.ts';
import { planSwitchA } from './switch-a.ts';
import { planWComposite } from './w-composite.ts';
import { planWSwitch } from './w-switch.ts';

/**
 * Every composition method there is. A new one is a file beside this one, a line here, and its options in `options.ts`; the
 * conformance suite then runs over it by itself.
 */

type CompositionOf<Name extends MethodName> = Extract<Composition, { readonly method: Name }>;

export const METHODS: {
  readonly [Name in MethodName]: (composition: CompositionOf<Name>, setup: CompositionSetup) => CompositionPlanner;
} = {
  merge: planMerge,
  lorahub: planLorahub,
  switch: planSwitch,
  'switch-a': planSwitchA,
  'w-switch': planWSwitch,
  composite: planComposite,
  'w-composite': planWComposite,
  'delta-composite': planDeltaComposite,
  'loratorio-like': planLoratorioLike,
  cmlora: planCmlora,
};

/** Binds a composition to one trajectory. Without adapters every method is the plain base model. */
export function planComposition(composition: Composition, setup: CompositionSetup): CompositionPlanner {
  if (setup.adapters.length === 0) return planMerge({ method: 'merge', scale: 1, text_encoder: 'none' }, setup);
  switch (composition.method) {
    case 'merge':
      return METHODS.merge(composition, setup);
    case 'lorahub':
      return METHODS.lorahub(composition, setup);
    case 'switch':
      return METHODS.switch(composition, setup);
    case 'switch-a':
      return METHODS['switch-a'](composition, setup);
    case 'w-switch':
      return METHODS['w-switch'](composition, setup);
    case 'composite':
      return METHODS.composite(composition, setup);
    case 'w-composite':
      return METHODS['w-composite'](composition, setup);
    case 'delta-composite':
      return METHODS['delta-composite'](composition, setup);
    case 'loratorio-like':
      return METHODS['loratorio-like'](composition, setup);
    case 'cmlora':
      return METHODS.cmlora(composition, setup);
  }
}
