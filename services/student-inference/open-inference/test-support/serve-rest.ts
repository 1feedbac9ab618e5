import type { TestContext } from 'node:test'
import { silentLogger } from '../../../shared/telemetry/logger.ts'
import { type RestServerOptions, startRestServer } from '../rest/start-rest-server.ts'
import { createFakeModels, type FakeModelsOptions } from './fake-models.ts'

/** Serves fake models over REST for one test, with a way to ask. */
export async function serveRest(t: TestContext, fake: FakeModelsOptions = {}, rest: Partial<RestServerOptions> = {}) {
  const models = createFakeModels(fake)
  const base = { listen: '127.0.0.1:0', models, maxBodyBytes: 100_000, logger: silentLogger }
  const server = await startRestServer({ ...base, ...rest })
  t.after(() => server.drain(0))
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://${server.address}${path}`, init)
    const body = new Uint8Array(await response.arrayBuffer())
    return {
      status: response.status,
      headers: response.headers,
      body,
      json: () => JSON.parse(Buffer.from(body).toString()),
    }
  }
  const infer = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    ask('/v2/models/student/infer', { method: 'POST', body: body as NonNullable<RequestInit['body']>, headers })
  return { models, server, ask, infer }
}

/** `items` crops of one gray level, as JSON has them. */
export const level = (value: number, items = 1) => new Array<number>(items * 2500).fill(value)
/** A valid input without its data, but for `rest`. */
export const input = (rest: object = {}) => ({ name: 'pellet', datatype: 'UINT8', shape: [1, 1, 50, 50], ...rest })
/** A valid request of one crop, but for `rest`. */
export const json = (rest: object = {}) => JSON.stringify({ inputs: [input({ data: level(7) })], ...rest })
