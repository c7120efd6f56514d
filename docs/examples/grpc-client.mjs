/**
 * A gRPC client of Overtone: node docs/examples/grpc-client.mjs ADDRESS PROMPT FILE. Needs the two packages below and proto/. A service
 * that wants keys gets the one in OVERTONE_API_KEY.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, loadPackageDefinition, Metadata } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const [address = '127.0.0.1:50051', prompt = 'a lighthouse at dusk', file = 'picture.png'] = process.argv.slice(2);

const definition = loadSync('overtone/v1/generation_service.proto', {
  includeDirs: [join(import.meta.dirname, '../../proto')],
  keepCase: true,
  longs: Number,
  enums: String,
});
const { GenerationService } = loadPackageDefinition(definition).overtone.v1;
const client = new GenerationService(address, credentials.createInsecure());

const metadata = new Metadata();
if (process.env.OVERTONE_API_KEY) metadata.set('authorization', `Bearer ${process.env.OVERTONE_API_KEY}`);

// composition is a google.protobuf.Struct; this is {"method": "merge"}.
const composition = { fields: { method: { stringValue: 'merge' } } };
const chunks = [];
try {
  for await (const event of client.Generate({ prompt, steps: 8, seed: 7, composition }, metadata)) {
    if (event.step) console.log(`step ${event.step.step} of ${event.step.steps}`);
    if (event.image_chunk) chunks.push(event.image_chunk.data);
    if (event.completed) console.log(`sha256 ${event.completed.result.images[0].sha256}`);
  }
  writeFileSync(file, Buffer.concat(chunks));
  console.log(`wrote ${file}`);
} catch (error) {
  console.error(error.details);
  process.exitCode = 1;
} finally {
  client.close();
}
