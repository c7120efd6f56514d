/** The demo's calls over HTTP: JSON in, JSON or bytes out, and an Error with the server's own words where it refuses. */

/** `waitS` holds the answer until the generation is done, so that it is the generation itself. */
export async function submit(httpUrl: string, request: object, waitS?: number): Promise<unknown> {
  const wait: Record<string, string> = waitS === undefined ? {} : { prefer: `wait=${waitS}` };
  const response = await fetch(`${httpUrl}/v1/generations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...wait },
    body: JSON.stringify(request),
  });
  return JSON.parse((await answered(response)).toString());
}

export async function get(url: string): Promise<Buffer> {
  return answered(await fetch(url));
}

async function answered(response: Response): Promise<Buffer> {
  const body = Buffer.from(await response.arrayBuffer());
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${body}`);
  return body;
}
