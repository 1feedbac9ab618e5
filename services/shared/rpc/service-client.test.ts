import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { AlertService, LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import {
  SegmentationService,
  type SegmentStripsRequest,
  SegmentStripsRequestSchema,
} from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { createRpcClient } from './create-rpc-client.ts'
import { implement } from './implement.ts'
import { createLocalClient } from './local-client.ts'
import { startRpcServer } from './start-rpc-server.ts'
import type { CallContext, ServiceClient } from './types.ts'

function strip(number: number, width = 32): SegmentStripsRequest {
  const key = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip: BigInt(number) }
  const header = { key, rows: 1, width, medianAreaPx: 1, minAreaPx: 1, cropScale: 1, lot: 'lot-1' }
  return create(SegmentStripsRequestSchema, { header, pixels: new Uint8Array(width) })
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

async function until(condition: () => boolean): Promise<void> {
  const giveUp = AbortSignal.timeout(10_000)
  while (!condition()) {
    giveUp.throwIfAborted()
    await turn()
  }
}

/** What the handlers saw; emptied before each use. */
interface Seen {
  context: CallContext | undefined
  pulled: number
  returned: boolean
  brokenOff: unknown
}

const seen: Seen = { context: undefined, pulled: 0, returned: false, brokenOff: undefined }

const lots = implement(LotService, {
  async openLot({ lot }) {
    if (lot === 'crash') throw new TypeError('cannot read x\n    of undefined')
    if (lot === 'busy')
      throw new PelletlineError('resource_exhausted', 'The queue is full; wait.', { retryAfterMs: 1500 })
    if (lot === 'lasting') throw new PelletlineError('unavailable', 'The model is bad.', { retryable: false })
    if (lot === 'fields') {
      throw new PelletlineError('invalid_argument', 'Ümlaut', { violations: [{ field: 'a.b[0]', description: 'no' }] })
    }
    return { lot: { id: lot } }
  },
  async closeLot(_, context) {
    seen.context = context
    await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()))
    throw new Error('whatever a handler says when it is aborted')
  },
  async getLot({ lot }, context) {
    seen.context = context
    return { lot: { id: lot } }
  },
  async getLotDistributions() {
    return {}
  },
  async listLots() {
    return {}
  },
  async *watchResults({ untilNow, lot }, context) {
    seen.context = context
    seen.returned = false
    seen.pulled = 0
    try {
      for (let position = 1n; position <= (untilNow ? 3n : 1_000_000n); position += 1n) {
        if (lot === 'fails' && position === 3n)
          throw new PelletlineError('data_loss', 'Block 3 is damaged; restore it.')
        seen.pulled += 1
        yield { position, lot: 'x'.repeat(lot === 'large' ? 200_000 : 1) }
      }
    } finally {
      seen.returned = true
    }
  },
})

const segmentation = implement(SegmentationService, {
  async segmentImage() {
    return {}
  },
  async *segmentStrips(requests, context) {
    seen.context = context
    seen.brokenOff = undefined
    seen.pulled = 0
    try {
      for await (const request of requests) {
        seen.pulled += 1
        const number = request.header?.key?.strip ?? 0n
        yield { strip: number, nextStrip: number + 1n }
        if (number === 99n) await new Promise(() => {})
      }
    } catch (reason) {
      seen.brokenOff = reason
      throw reason
    }
  },
})

type Clients = { lots: ServiceClient<typeof LotService>; segmentation: ServiceClient<typeof SegmentationService> }

function describeClient(name: string, setup: () => Promise<Clients & { close(): Promise<void> }>): void {
  describe(`service client ${name}`, { timeout: 60_000 }, () => {
    let clients: Awaited<ReturnType<typeof setup>>
    before(async () => {
      clients = await setup()
    })
    after(() => clients.close())

    it('a unary call completes the request and returns the response', async () => {
      assert.equal((await clients.lots.openLot({ lot: 'lot-1', line: 'line-1' })).lot?.id, 'lot-1')
      assert.deepEqual((await clients.lots.listLots({})).lots, [])
    })

    it('a request that breaks a rule is refused with the field before the handler sees it', async () => {
      seen.context = undefined
      await assert.rejects(clients.lots.getLot({ lot: '' }), (error) => {
        assert.ok(error instanceof PelletlineError)
        assert.equal(error.code, 'invalid_argument')
        assert.equal(error.violations.length, 1)
        assert.equal(error.violations[0]?.field, 'lot')
        assert.match(error.violations[0]?.description ?? '', /at least 1 character/)
        assert.match(error.message, /GetLotRequest is not valid: lot:/)
        return true
      })
      assert.equal(seen.context, undefined)
    })

    it('an error keeps its code, message, violations, wait and whether a retry makes sense', async () => {
      const open = (lot: string) => clients.lots.openLot({ lot, line: 'line-1' })
      const busy = {
        code: 'resource_exhausted',
        message: 'The queue is full; wait.',
        retryable: true,
        retryAfterMs: 1500,
      }
      await assert.rejects(open('busy'), busy)
      await assert.rejects(open('lasting'), { code: 'unavailable', message: 'The model is bad.', retryable: false })
      const violations = [{ field: 'a.b[0]', description: 'no' }]
      await assert.rejects(open('fields'), { code: 'invalid_argument', message: 'Ümlaut', violations })
    })

    it('an unknown error becomes internal with its first line and without a stack', async () => {
      await assert.rejects(clients.lots.openLot({ lot: 'crash', line: 'line-1' }), (error) => {
        assert.ok(error instanceof PelletlineError)
        assert.equal(error.code, 'internal')
        assert.match(error.message, /LotService\/OpenLot failed: cannot read x\. /)
        assert.doesNotMatch(error.message, /undefined|\n/)
        return true
      })
    })

    it('a deadline ends the call and aborts the handler', async () => {
      seen.context = undefined
      await assert.rejects(clients.lots.closeLot({ lot: 'a' }, { timeoutMs: 30 }), { code: 'deadline_exceeded' })
      await until(() => seen.context?.signal.aborted === true)
    })

    it('a time longer than any timer takes is time enough', async () => {
      for (const timeoutMs of [2 ** 31, 2 ** 40])
        assert.ok(await clients.lots.openLot({ lot: 'a', line: 'b' }, { timeoutMs }))
    })

    it('an abort of the caller ends the call and aborts the handler', async () => {
      seen.context = undefined
      const abort = new AbortController()
      const call = assert.rejects(clients.lots.closeLot({ lot: 'a' }, { signal: abort.signal }), { code: 'cancelled' })
      await until(() => seen.context !== undefined)
      abort.abort()
      await call
      await until(() => seen.context?.signal.aborted === true)
      assert.equal((seen.context as CallContext | undefined)?.signal.reason.code, 'cancelled')
      await assert.rejects(clients.lots.getLot({ lot: 'a' }, { signal: AbortSignal.abort() }), { code: 'cancelled' })
    })

    it('metadata reaches the handler with lower-case names, and the time that is left where there is a deadline', async () => {
      const left = () => seen.context?.timeLeftMs?.()
      await clients.lots.getLot({ lot: 'a' }, { metadata: { Traceparent: '00-ab-cd-01' }, timeoutMs: 60_000 })
      assert.equal(seen.context?.metadata['traceparent'], '00-ab-cd-01')
      assert.notEqual(seen.context?.peer, '')
      assert.ok(left()! > 30_000 && left()! <= 60_000, `${left()} ms`)
      await clients.lots.getLot({ lot: 'a' })
      assert.equal(left(), undefined)
    })

    it('a server stream arrives in order and ends', async () => {
      const results = await collect(clients.lots.watchResults({ untilNow: true }))
      assert.deepEqual(
        results.map(({ position }) => position),
        [1n, 2n, 3n],
      )
    })

    it('a server stream that fails delivers first what came before', async () => {
      const positions: bigint[] = []
      const read = async () => {
        for await (const { position } of clients.lots.watchResults({ lot: 'fails' })) {
          positions.push(position)
          await turn()
        }
      }
      await assert.rejects(read(), { code: 'data_loss', message: 'Block 3 is damaged; restore it.' })
      assert.deepEqual(positions, [1n, 2n])
    })

    it('a reader that leaves a server stream ends the handler', async () => {
      for await (const { position } of clients.lots.watchResults({})) if (position === 2n) break
      await until(() => seen.returned)
      assert.equal(seen.context?.signal.aborted, true)
    })

    it('a slow reader holds the handler of a server stream', async () => {
      let read = 0
      for await (const _ of clients.lots.watchResults({ lot: 'large' })) {
        read += 1
        await turn()
        if (read === 20) break
      }
      // 200 kB a message: windows and socket buffers of a few MiB take some tens.
      assert.ok(seen.pulled < 100, `the handler was pulled ${seen.pulled} times for ${read} messages read`)
      await until(() => seen.returned)
    })

    it('a two-way stream answers each request', async () => {
      const requests = async function* () {
        for (let number = 0; number < 50; number += 1) yield strip(number)
      }
      const answers = await collect(clients.segmentation.segmentStrips(requests()))
      assert.deepEqual(
        answers.map((answer) => Number(answer.strip)),
        Array.from({ length: 50 }, (_, number) => number),
      )
    })

    it('a two-way stream answers each request before the next is made', async () => {
      const answered: number[] = []
      const requests = async function* () {
        for (let number = 0; number < 3; number += 1) {
          yield strip(number)
          await until(() => answered.includes(number))
        }
      }
      for await (const { strip: number } of clients.segmentation.segmentStrips(requests()))
        answered.push(Number(number))
      assert.deepEqual(answered, [0, 1, 2])
    })

    it('a bad message within a stream ends it with the field, after the answers to the ones before', async () => {
      const answered: bigint[] = []
      const requests = async function* () {
        yield strip(0)
        yield strip(1)
        yield strip(2, 3)
        yield strip(3)
      }
      const read = async () => {
        for await (const answer of clients.segmentation.segmentStrips(requests())) answered.push(answer.strip)
      }
      await assert.rejects(read(), (error) => {
        assert.ok(error instanceof PelletlineError)
        assert.equal(error.code, 'invalid_argument')
        assert.equal(error.violations[0]?.field, 'header.width')
        return true
      })
      assert.deepEqual(answered, [0n, 1n])
    })

    it('a sender that fails gets its own error, and the handler sees a stream that broke off', async () => {
      const requests = async function* () {
        yield strip(0)
        await until(() => seen.pulled === 1)
        throw new PelletlineError('data_loss', 'The recording is damaged at byte 7.')
      }
      seen.pulled = 0
      const read = collect(clients.segmentation.segmentStrips(requests()))
      await assert.rejects(read, { code: 'data_loss', message: 'The recording is damaged at byte 7.' })
      await until(() => seen.brokenOff !== undefined)
      assert.equal((seen.brokenOff as PelletlineError).code, 'cancelled')
    })

    it('a handler that does not read holds the sender of a stream', async () => {
      let sent = 0
      const abort = new AbortController()
      const requests = async function* () {
        for (let number = 99; ; number += 1) {
          sent += 1
          yield { ...strip(number), pixels: new Uint8Array(1_000_000) }
        }
      }
      const read = collect(clients.segmentation.segmentStrips(requests(), { signal: abort.signal }))
      const failed = assert.rejects(read, { code: 'cancelled' })
      let before = -1
      await until(() => seen.pulled === 1)
      // Sending has come to rest when nothing was sent for a while.
      while (before !== sent) {
        before = sent
        for (let wait = 0; wait < 10; wait += 1) await turn()
      }
      assert.ok(sent < 10, `${sent} MB were sent to a handler that read 1 MB`)
      abort.abort()
      await failed
    })

    it('a stream that is aborted ends its requests as well', async () => {
      let ended = false
      const abort = new AbortController()
      const requests = async function* () {
        try {
          yield strip(0)
          yield strip(99)
          for (let number = 0; ; number += 1) yield strip(number)
        } finally {
          ended = true
        }
      }
      const read = collect(clients.segmentation.segmentStrips(requests(), { signal: abort.signal }))
      const failed = assert.rejects(read, { code: 'cancelled' })
      await until(() => seen.pulled >= 2)
      abort.abort()
      await failed
      await until(() => ended)
    })
  })
}

describeClient('within the process', async () => ({
  lots: createLocalClient(lots),
  segmentation: createLocalClient(segmentation),
  close: async () => {},
}))

describeClient('over gRPC', async () => {
  const server = await startRpcServer({ implementations: [lots, segmentation], logger: silentLogger })
  const clients = {
    lots: createRpcClient(LotService, { address: server.address }),
    segmentation: createRpcClient(SegmentationService, { address: server.address }),
  }
  return {
    ...clients,
    async close() {
      clients.lots.close()
      clients.segmentation.close()
      await server.drain(0)
    },
  }
})

it('service client within the process passes messages by reference', async () => {
  const message = strip(7)
  let received: unknown
  const client = createLocalClient(
    implement(SegmentationService, {
      segmentImage: async () => ({}),
      async *segmentStrips(requests) {
        for await (const request of requests) received = request
        yield {}
      },
    }),
  )
  const requests = async function* () {
    yield message
  }
  await collect(client.segmentStrips(requests()))
  assert.equal(received, message)
})

it('service client runs interceptors in their order around the handler', async () => {
  const order: string[] = []
  const note = (name: string) => (call: never, next: (call: never) => AsyncIterable<never>) => {
    order.push(name)
    return next(call)
  }
  const alerts = implement(AlertService, {
    async listAlerts() {
      order.push('handler')
      return {}
    },
    async *watchAlerts() {},
    acknowledgeAlert: async () => ({}),
  })
  const client = createLocalClient(alerts, { interceptors: [note('first'), note('second')] as never })
  await client.listAlerts({})
  assert.deepEqual(order, ['first', 'second', 'handler'])
})
