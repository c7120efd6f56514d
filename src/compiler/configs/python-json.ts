/**
 * Python's json module writes numbers that JSON does not have, and diffusers does so in earnest: a DPMSolverMultistepScheduler's
 * config holds `"lambda_min_clipped": -Infinity`. They are read as strings of the same name, which every number check refuses.
 *
 * Throws what `JSON.parse` throws.
 */
export function parsePythonJson(text: string): unknown {
  return JSON.parse(text.replace(STRING_OR_NUMBER_WORD, (found) => (found.startsWith('"') ? found : `"${found}"`)));
}

/** Strings are matched whole, so that a word inside of one is left alone. */
const STRING_OR_NUMBER_WORD = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;
