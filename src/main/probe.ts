/**
 * The health check of a container, with the settings of the program beside which it runs. Its exit code is the answer, 0 for well:
 *   probe gateway        HTTP answers /livez
 *   probe worker         the engine is ready
 *   probe worker-alive   the worker's event loop turns, whatever the engine does
 */
import { request as askHttp } from 'node:http';
import { request as askHttps } from 'node:https';
import { isIPv6 } from 'node:net';
import { parseSettings, type Settings } from '../config/settings.ts';
import { readHealthFile } from './health-file.ts';

const PATIENCE_MS = 4000;

const PROBES: Readonly<Record<string, (settings: Settings) => string | Promise<string>>> = {
  gateway: askGateway,
  worker: (settings) => (stateOf(settings) === 'ready' ? WELL : `the worker is ${stateOf(settings)}`),
  'worker-alive': (settings) => (stateOf(settings) === 'dead' ? 'the worker is dead' : WELL),
};

const WELL = '';

const [name = ''] = process.argv.slice(2);
const probe = PROBES[name];
const answer =
  probe === undefined
    ? `'${name}' is no probe; there are ${Object.keys(PROBES).join(', ')}`
    : await probe(parseSettings(process.env, []));
if (answer !== WELL) process.stderr.write(`${answer}\n`);
process.exitCode = answer === WELL ? 0 : 1;

function stateOf({ healthFile }: Settings): string {
  return healthFile === undefined ? 'without OVERTONE_HEALTH_FILE' : readHealthFile(healthFile, Date.now());
}

function askGateway({ httpHost, httpPort, tlsCertFile }: Settings): Promise<string> {
  // What listens everywhere listens on loopback too.
  const host = httpHost === '0.0.0.0' ? '127.0.0.1' : httpHost === '::' ? '::1' : httpHost;
  const where = `${isIPv6(host) ? `[${host}]` : host}:${httpPort}/livez`;
  return new Promise((resolve) => {
    const asked =
      tlsCertFile === undefined
        ? askHttp(`http://${where}`, { timeout: PATIENCE_MS })
        : // Its certificate is for the name by which others call it.
          askHttps(`https://${where}`, { timeout: PATIENCE_MS, rejectUnauthorized: false });
    asked.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? WELL : `/livez answers ${response.statusCode}`);
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    asked.once('error', (error) => resolve(`the gateway does not answer: ${error.message}`));
    asked.end();
  });
}
