/**
 * What the service adds to the engine's own time: small jobs one after another, from the POST to the answer that holds the result, less
 * the stages that the engine timed itself. And how soon a running job that is cancelled has let go of the device.
 */
const JOBS = 60;
const CANCELS = 15;
const REQUEST = { prompt: 'a harbour in fog', width: 64, height: 64, steps: 3 };
const LONG_REQUEST = { ...REQUEST, steps: 150 };

/** `{ p50, p99 }` in milliseconds. */
export async function benchOverhead(httpUrl) {
  const overheads = [];
  for (let seed = 0; seed < JOBS; seed++) {
    const start = performance.now();
    const { result } = await postAndWait(httpUrl, { ...REQUEST, seed });
    const took = performance.now() - start;
    const { queued_ms: _, ...stages } = result.timings;
    overheads.push(took - Object.values(stages).reduce((sum, ms) => sum + ms, 0));
  }
  return quantiles(overheads.slice(10));
}

/**
 * `overrun`: from the answer to the cancel to the job's last event, less the mean step of that job; what is left is what a cancel costs
 * beyond the step that was under way, in milliseconds.
 */
export async function benchCancel(httpUrl) {
  const overruns = [];
  const steps = [];
  for (let seed = 0; seed < CANCELS; seed++) {
    const { urls } = await (await post(httpUrl, { ...LONG_REQUEST, seed })).json();
    const times = [];
    let cancelledAt = 0;
    for await (const name of eventNames(await fetch(`${httpUrl}${urls.events}`))) {
      if (name === 'step') times.push(performance.now());
      if (name === 'step' && times.length === 5 + (seed % 5)) {
        await fetch(`${httpUrl}${urls.cancel}`, { method: 'POST' });
        cancelledAt = performance.now();
      }
      if (name === 'cancelled') {
        const known = times.slice(0, 5);
        const step = (known.at(-1) - known[0]) / (known.length - 1);
        steps.push(step);
        overruns.push(performance.now() - cancelledAt - step);
      }
    }
  }
  return { step: quantiles(steps), overrun: quantiles(overruns) };
}

async function postAndWait(httpUrl, body) {
  const response = await post(httpUrl, body, { prefer: 'wait=60' });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return await response.json();
}

function post(httpUrl, body, headers = {}) {
  return fetch(`${httpUrl}/v1/generations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

async function* eventNames(response) {
  let rest = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) if (line.startsWith('event: ')) yield line.slice(7);
  }
}

export function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    p50: sorted[Math.floor(sorted.length / 2)],
    p99: sorted[Math.floor(sorted.length * 0.99)],
    most: sorted.at(-1),
  };
}
