import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { withServer } from '../../../test/support/with-server.ts'
import { SegmentationService } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { Health, HealthCheckResponse_ServingStatus as Serving } from '../../gen/third_party/grpc/health/v1/health_pb.ts'
import { livenessName } from './health-service.ts'
import { implement } from './implement.ts'

const segmentation = () => implement(SegmentationService, { segmentImage: async () => ({}), async *segmentStrips() {} })

describe('health', { timeout: 60_000 }, () => {
  const service = SegmentationService.typeName

  it('is NOT_SERVING until it is set, for the server and for each service', async () => {
    await withServer([segmentation()], async ({ server, client }) => {
      const health = client(Health)
      const statuses = async () => [(await health.check({})).status, (await health.check({ service })).status]
      assert.deepEqual(await statuses(), [Serving.NOT_SERVING, Serving.NOT_SERVING])
      server.setServing(service, true)
      assert.deepEqual(await statuses(), [Serving.NOT_SERVING, Serving.SERVING])
      server.setServing('', true)
      assert.deepEqual(await statuses(), [Serving.SERVING, Serving.SERVING])
      const { statuses: listed } = await health.list({})
      assert.deepEqual(Object.keys(listed).sort(), ['', service])
      await assert.rejects(health.check({ service: 'nothing' }), { code: 'not_found' })
      assert.throws(() => server.setServing('nothing', true), { code: 'not_found' })
    })
  })

  it('a watch tells every change, and ends with NOT_SERVING when the server drains', async () => {
    await withServer([segmentation()], async ({ server, client }) => {
      const seen: number[] = []
      for await (const { status: now } of client(Health).watch({ service })) {
        seen.push(now)
        if (seen.length === 1) server.setServing('', true)
        if (seen.length === 2) server.setServing(service, false)
        if (seen.length === 3) server.setServing(service, true)
        if (seen.length === 4) void server.drain(10_000)
      }
      const { SERVING, NOT_SERVING } = Serving
      assert.deepEqual(seen, [NOT_SERVING, SERVING, NOT_SERVING, SERVING, NOT_SERVING])
      await server.drain(10_000)
    })
  })

  it('answers SERVING for its liveness whatever the services are, so that a wait for a broker is no reason to restart', async () => {
    await withServer([segmentation()], async ({ server, client }) => {
      const liveness = async () => (await client(Health).check({ service: livenessName })).status
      assert.equal(await liveness(), Serving.SERVING)
      server.setServing('', true)
      server.setServing('', false)
      assert.equal(await liveness(), Serving.SERVING)
      assert.throws(() => server.setServing(livenessName, false), { code: 'not_found' })
    })
  })

  it('a watch of an unknown service says so and stays', async () => {
    await withServer([segmentation()], async ({ client }) => {
      for await (const { status: now } of client(Health).watch({ service: 'nothing' })) {
        assert.equal(now, Serving.SERVICE_UNKNOWN)
        break
      }
    })
  })
})
