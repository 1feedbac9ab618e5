import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withServer } from '../../../test/support/with-server.ts'
import { SegmentationService } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { Health } from '../../gen/third_party/grpc/health/v1/health_pb.ts'
import { type FieldViolation, PelletlineError } from '../errors/pelletline-error.ts'
import { createLogger } from '../telemetry/logger.ts'
import { toStatus } from './error-status.ts'
import { implement } from './implement.ts'
import type { ServiceClient } from './types.ts'

/** Segmentation whose methods fail with an error, the stream after as many answers; an image of more than a byte is answered. */
function failing(error: () => unknown, answersBefore = 0) {
  return implement(SegmentationService, {
    async segmentImage({ image }) {
      if (image.case === 'encoded' && image.value.length > 1) return { threshold: 7 }
      throw error()
    },
    async *segmentStrips() {
      for (let i = 0; i < answersBefore; i += 1) yield {}
      throw error()
    },
  })
}

const image = (bytes: number) => ({ image: { case: 'encoded' as const, value: new Uint8Array(bytes) } })
const timeoutMs = 5000

/** Reads a stream of answers to its end, or fails as it does. */
async function readStrips(client: ServiceClient<typeof SegmentationService>): Promise<void> {
  for await (const _ of client.segmentStrips((async function* () {})(), { timeoutMs }));
}

/** A text whose 1000th UTF-16 unit is the first half of a character, and one where it is the second half. */
const emoji = ['', 'a'].map((pad) => `${pad}${'😀'.repeat(700)}`)

describe('status of a failed call', { timeout: 60_000 }, () => {
  it('is sent whatever name a caller asks health for, cut within a character as well, and the next call is answered', async () => {
    await withServer([failing(() => undefined)], async ({ client }) => {
      const health = client(Health)
      for (const service of emoji) {
        await assert.rejects(health.check({ service }, { timeoutMs }), (error: PelletlineError) => {
          assert.equal(error.code, 'not_found')
          assert.match(error.message, /^There is no service "a?😀+\uFFFD?$/u)
          return true
        })
      }
      assert.ok((await health.check({}, { timeoutMs })).status > 0)
    })
  })

  it('of a stream is sent with such a text, before its first answer and after it, and so is one that came with half a character', async () => {
    const texts = [...emoji, 'half \ud83d', '\ude00 half']
    for (const answersBefore of [0, 1]) {
      for (const text of texts) {
        const implementation = failing(() => new PelletlineError('not_found', text), answersBefore)
        await withServer([implementation], async ({ client }) => {
          const segmentation = client(SegmentationService)
          const message = toStatus(new PelletlineError('not_found', text)).details
          await assert.rejects(readStrips(segmentation), { code: 'not_found', message })
          await assert.rejects(segmentation.segmentImage(image(1), { timeoutMs }), { code: 'not_found', message })
          assert.equal((await segmentation.segmentImage(image(2), { timeoutMs })).threshold, 7)
        })
      }
    }
  })

  it('of an error of another kind is sent where its text is cut within a character', async () => {
    for (const pad of ['', 'a']) {
      await withServer([failing(() => new TypeError(`${pad}${'😀'.repeat(700)}`))], async ({ client }) => {
        const segmentation = client(SegmentationService)
        const expected = {
          code: 'internal',
          message: /failed: a?😀+/u,
        }
        await assert.rejects(segmentation.segmentImage(image(1), { timeoutMs }), expected)
        await assert.rejects(readStrips(segmentation), expected)
      })
    }
  })

  it('that cannot be made is told to the log, its caller gets INTERNAL, and the next call is answered', async () => {
    const violations = [{ field: undefined, description: 'no text' }] as unknown as readonly FieldViolation[]
    const broken = () => new PelletlineError('invalid_argument', 'Broken.', { violations })
    for (const answersBefore of [0, 1]) {
      const lines: string[] = []
      const stream = { write: (line: string) => void lines.push(line) }
      const logger = createLogger({ service: 'test', level: 'error', stream })
      await withServer(
        [failing(broken, answersBefore)],
        async ({ client }) => {
          const segmentation = client(SegmentationService)
          const expected = { code: 'internal', message: /the log of the service/ }
          await assert.rejects(segmentation.segmentImage(image(1), { timeoutMs }), expected)
          await assert.rejects(readStrips(segmentation), expected)
          assert.equal((await segmentation.segmentImage(image(2), { timeoutMs })).threshold, 7)
        },
        { logger },
      )
      assert.equal(lines.length, 2)
      for (const line of lines) assert.match(line, /Service\/Segment.*status of a failed call cannot be sent/)
    }
  })

  it('tells a wait that is no whole number of milliseconds', async () => {
    const full = () => new PelletlineError('resource_exhausted', 'Full.', { retryAfterMs: 0.7 })
    await withServer([failing(full)], async ({ client }) => {
      const call = client(SegmentationService).segmentImage(image(1), { timeoutMs })
      await assert.rejects(call, { code: 'resource_exhausted', retryAfterMs: 1 })
    })
  })
})
