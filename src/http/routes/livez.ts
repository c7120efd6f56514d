import type { FastifyInstance } from 'fastify';

/** This process answers. Nothing else is asked: a supervisor that restarts it on `livez` must not do so because Redis is away. */
export function livez(app: FastifyInstance): void {
  app.get('/livez', async () => ({ status: 'alive' }));
}
