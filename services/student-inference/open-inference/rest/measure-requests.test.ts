import assert from 'node:assert/strict'
import test from 'node:test'
import { noTelemetry, type Telemetry } from '../../../shared/telemetry/telemetry.ts'
import { json, serveRest as serve } from '../test-support/serve-rest.ts'

test('REST tells times and numbers of its requests by method, route and status', async (t) => {
  const recorded: unknown[] = []
  const telemetry: Telemetry = {
    ...noTelemetry,
    histogram: ({ name }) => ({
      record(seconds, labels) {
        assert.equal(name, 'http_server_request_duration_seconds')
        assert.ok(seconds > 0 && seconds < 60)
        recorded.push(Object.values(labels!))
      },
    }),
  }
  const { ask, infer } = await serve(t, {}, { telemetry })
  await infer(json())
  await infer('no JSON')
  await ask('/v2/models/nobody/versions/7')
  await ask('/v2/health/live', { method: 'PUT' })
  await ask('/wp-login.php?x=1', { method: 'PROPFIND' })
  assert.deepEqual(recorded, [
    ['POST', '/v2/models/{model}/infer', 200],
    ['POST', '/v2/models/{model}/infer', 400],
    ['GET', '/v2/models/{model}/versions/{version}', 404],
    ['PUT', '/v2/health/live', 405],
    ['_OTHER', 'none', 404],
  ])
})
