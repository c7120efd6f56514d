import { SCHEMA, type SettingName } from '../config/schema.ts';
import type { Settings } from '../config/settings.ts';
import { InputError, type Problem } from '../core/problem.ts';

/** Settings of which some, optional in general, are there. */
export type Required<Name extends keyof Settings> = Settings & { readonly [key in Name]: NonNullable<Settings[key]> };

/** Throws an InputError that names every setting this program cannot do without and does not have. */
export function requireSettings<Name extends SettingName>(
  settings: Settings,
  ...names: readonly Name[]
): asserts settings is Required<Name> {
  const problems = names
    .filter((name) => settings[name] === undefined)
    .map((name): Problem => {
      const { env, flag, meaning } = SCHEMA[name];
      return { code: 'invalid_request', subject: env, message: `${env} (or ${flag}) is missing. ${meaning}` };
    });
  if (problems.length > 0) throw new InputError(problems);
}
