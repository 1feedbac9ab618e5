import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect as connectHttp2, constants } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { create, createFileRegistry, type DescService, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  file_google_protobuf_wrappers,
  Int32ValueSchema,
} from '@bufbuild/protobuf/wkt'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { withServer } from '../../../test/support/with-server.ts'
import { LotService, OpenLotRequestSchema } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { SegmentationService } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { BadRequestSchema, RetryInfoSchema } from '../../gen/third_party/google/rpc/error_details_pb.ts'
import { StatusSchema } from '../../gen/third_party/google/rpc/status_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { createBoundedQueue } from '../queue/bounded-queue.ts'
import { silentLogger } from '../telemetry/logger.ts'
import { createRpcClient } from './create-rpc-client.ts'
import { implement } from './implement.ts'
import { createLocalClient } from './local-client.ts'
import { startRpcServer } from './start-rpc-server.ts'
import type { ServiceImplementation } from './types.ts'

type SegmentationHandlers = ServiceImplementation<typeof SegmentationService>['handlers']

function segmentation(handlers: Partial<SegmentationHandlers> = {}) {
  return implement(SegmentationService, {
    segmentImage: async ({ image }) => ({ crops: image.case === 'encoded' ? image.value : new Uint8Array(0) }),
    async *segmentStrips() {},
    ...handlers,
  })
}

const image = (bytes: number) => ({ image: { case: 'encoded' as const, value: new Uint8Array(bytes) } })

/** A unary call by grpc-js alone, as any foreign client makes it. */
function rawCall(address: string, path: string, request: Uint8Array): Promise<ServiceError | undefined> {
  const client = new Client(address, credentials.createInsecure())
  return new Promise((resolve) => {
    const asIs = (bytes: Buffer) => bytes
    client.makeUnaryRequest(path, asIs, asIs, Buffer.from(request), new Metadata(), (error) => {
      client.close()
      resolve(error ?? undefined)
    })
  })
}

describe('startRpcServer', { timeout: 60_000 }, () => {
  it('carries the error as google.rpc.Status with BadRequest and RetryInfo for any client', async () => {
    const lots = implement(LotService, {
      async openLot() {
        throw new PelletlineError('resource_exhausted', 'Full.', { retryAfterMs: 1500 })
      },
    } as never)
    await withServer([lots], async ({ server: { address } }) => {
      const details = (error: ServiceError | undefined) => {
        const [packed] = error?.metadata.get('grpc-status-details-bin') ?? []
        return fromBinary(StatusSchema, packed as Buffer)
      }
      const path = '/pelletline.mes.v1.LotService/OpenLot'
      const refused = await rawCall(address, path, new Uint8Array(0))
      assert.equal(refused?.code, status.INVALID_ARGUMENT)
      const bad = details(refused).details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.BadRequest'))
      const fields = fromBinary(BadRequestSchema, bad?.value ?? new Uint8Array(0)).fieldViolations
      assert.deepEqual(new Set(fields.map(({ field }) => field)), new Set(['line', 'lot']))
      const request = toBinary(OpenLotRequestSchema, create(OpenLotRequestSchema, { lot: 'a', line: 'b' }))
      const full = await rawCall(address, path, request)
      assert.equal(full?.code, status.RESOURCE_EXHAUSTED)
      assert.equal(details(full).code, status.RESOURCE_EXHAUSTED)
      const retry = details(full).details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.RetryInfo'))
      const delay = fromBinary(RetryInfoSchema, retry?.value ?? new Uint8Array(0)).retryDelay
      assert.deepEqual([delay?.seconds, delay?.nanos], [1n, 500_000_000])
    })
  })

  it('answers bytes that are no message with INVALID_ARGUMENT, and goes on', async () => {
    await withServer([segmentation()], async ({ server: { address }, client }) => {
      const path = '/pelletline.segmentation.v1.SegmentationService/SegmentImage'
      const error = await rawCall(address, path, Uint8Array.of(0xff, 0xff, 0xff))
      assert.equal(error?.code, status.INVALID_ARGUMENT)
      assert.match(error?.details ?? '', /3 bytes.*SegmentImageRequest/)
      assert.equal((await client(SegmentationService).segmentImage(image(3))).crops.length, 3)
      const missing = await rawCall(
        address,
        '/pelletline.segmentation.v1.SegmentationService/Nothing',
        new Uint8Array(0),
      )
      assert.equal(missing?.code, status.UNIMPLEMENTED)
    })
  })

  it('refuses a message above its limit with RESOURCE_EXHAUSTED and takes one below', async () => {
    const limit = 100_000
    const serveLimited = (test: Parameters<typeof withServer<void>>[1]) =>
      withServer([segmentation()], test, { maxMessageBytes: limit })
    await serveLimited(async ({ server, client }) => {
      const large = client(SegmentationService, 10 * limit)
      assert.equal((await large.segmentImage(image(limit - 100))).crops.length, limit - 100)
      await assert.rejects(large.segmentImage(image(limit + 1)), {
        code: 'resource_exhausted',
        retryable: false,
        message: /SegmentImage has 100\d{3} bytes; at most 100000 are taken\. Send less .*, or raise maxMessageBytes/,
      })
      // The refused call holds nothing up.
      await server.drain(60_000)
    })
    const twice = async () => ({ crops: new Uint8Array(2 * limit) })
    await withServer([segmentation({ segmentImage: twice })], async ({ client }) => {
      // By its own bound the client neither sends nor takes more, and says what to do.
      const small = client(SegmentationService, limit)
      const message = /larger than.*100000.*\. Ask for less in one message, or raise maxMessageBytes on both sides\.$/
      await assert.rejects(small.segmentImage(image(limit + 1)), {
        code: 'resource_exhausted',
        retryable: false,
        message,
      })
      await assert.rejects(small.segmentImage(image(1)), { code: 'resource_exhausted', message })
    })
  })

  it('holds back calls above the bound on concurrent calls of a connection', async () => {
    let open = 0
    let most = 0
    const releases = createBoundedQueue<() => void>({ limit: 100 })
    const handlers = {
      async segmentImage() {
        open += 1
        most = Math.max(most, open)
        await new Promise<void>((resolve) => void releases.tryPush(resolve))
        open -= 1
        return {}
      },
    }
    await withServer(
      [segmentation(handlers)],
      async ({ client }) => {
        const caller = client(SegmentationService)
        const calls = Array.from({ length: 6 }, () => caller.segmentImage(image(1)))
        const first = [await releases.shift(), await releases.shift()]
        for (const release of first) release?.()
        for (let released = 2; released < 6; released += 1) (await releases.shift())?.()
        await Promise.all(calls)
        assert.equal(most, 2)
      },
      { maxConcurrentCalls: 2 },
    )
  })

  it('names an address in use and the next step', async () => {
    await withServer([segmentation()], async ({ server: { address } }) => {
      const second = startRpcServer({ listen: address, implementations: [], logger: silentLogger })
      await assert.rejects(second, (error) => {
        assert.ok(error instanceof PelletlineError)
        assert.ok(error.message.startsWith(`${address} is in use by another process; `))
        return true
      })
    })
  })

  it('refuses what is no address, and listens on loopback where no host is given', async () => {
    for (const listen of ['', '50051', 'host:port', 'a:b:1', '127.0.0.1:70000', 'unix:']) {
      const starting = startRpcServer({ listen, implementations: [], logger: silentLogger })
      await assert.rejects(starting, { code: 'invalid_argument', message: /HOST:PORT/ })
    }
    const options = { listen: ':0' }
    await withServer([], async ({ server: { address } }) => assert.match(address, /^127\.0\.0\.1:\d+$/), options)
  })

  it('listens on a unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pelletline-rpc-'))
    const listen = `unix:${join(folder, 'segmentation.sock')}`
    await withServer(
      [segmentation()],
      async ({ server: { address }, client }) => {
        assert.equal(address, listen)
        assert.equal((await client(SegmentationService).segmentImage(image(3))).crops.length, 3)
      },
      { listen },
    )
    rmSync(folder, { recursive: true })
  })

  it('takes over the unix socket of a process that was killed, and of no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pelletline-rpc-'))
    const path = join(folder, 'stale.sock')
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', program])
    assert.ok(statSync(path).isSocket())
    const options = { listen: `unix:${path}` }
    await withServer(
      [segmentation()],
      async ({ client }) => {
        const second = startRpcServer({ ...options, implementations: [], logger: silentLogger })
        await assert.rejects(second, { code: 'failed_precondition', message: /in use/ })
        assert.equal((await client(SegmentationService).segmentImage(image(3))).crops.length, 3)
      },
      options,
    )
    rmSync(folder, { recursive: true })
  })

  it('serves a client-streaming method', async () => {
    const file: FileDescriptorProto = create(FileDescriptorProtoSchema, {
      name: 'test/sum.proto',
      package: 'test',
      syntax: 'proto3',
      dependency: ['google/protobuf/wrappers.proto'],
      service: [
        {
          name: 'Sum',
          method: [
            {
              name: 'Add',
              inputType: '.google.protobuf.Int32Value',
              outputType: '.google.protobuf.Int32Value',
              clientStreaming: true,
            },
          ],
        },
      ],
    })
    const registry = createFileRegistry(file, () => file_google_protobuf_wrappers)
    const service = registry.getService('test.Sum') as DescService
    const sum = implement(service, {
      add: async (requests: AsyncIterable<{ value: number }>) => {
        let value = 0
        for await (const request of requests) value += request.value
        return { $typeName: Int32ValueSchema.typeName, value }
      },
    } as never)
    const numbers = async function* () {
      for (const value of [1, 2, 3]) yield create(Int32ValueSchema, { value })
    }
    type Sum = { add(requests: AsyncIterable<unknown>): Promise<{ value: number }> }
    await withServer([sum], async ({ client }) => {
      assert.equal((await (client(service) as unknown as Sum).add(numbers())).value, 6)
    })
    assert.equal((await (createLocalClient(sum) as unknown as Sum).add(numbers())).value, 6)
  })

  it('a stream whose connection is cut reaches the handler as broken off, not as ended', async () => {
    const outcomes = createBoundedQueue<string>({ limit: 4 })
    const begun = createBoundedQueue<string>({ limit: 4 })
    const handlers: Partial<SegmentationHandlers> = {
      async *segmentStrips(requests) {
        await begun.push('begun')
        try {
          for await (const _ of requests) yield {}
          await outcomes.push('ended')
        } catch (reason) {
          await outcomes.push((reason as PelletlineError).code)
        }
      },
    }
    await withServer([segmentation(handlers)], async ({ server: { address } }) => {
      for (const cut of ['connection', 'reset'] as const) {
        const session = connectHttp2(`http://${address}`)
        session.on('error', () => {})
        const stream = session.request(
          {
            ':method': 'POST',
            ':path': '/pelletline.segmentation.v1.SegmentationService/SegmentStrips',
            'content-type': 'application/grpc',
            te: 'trailers',
          },
          { endStream: false },
        )
        stream.on('error', () => {})
        await begun.shift()
        if (cut === 'connection') session.destroy()
        else stream.close(constants.NGHTTP2_CANCEL)
        assert.equal(await outcomes.shift(), 'cancelled', cut)
        session.destroy()
      }
    })
  })
})

describe('createRpcClient', { timeout: 60_000 }, () => {
  it('names the address that it cannot reach', async () => {
    const { address } = await startRpcServer({ implementations: [], logger: silentLogger }).then(async (server) => {
      await server.drain(0)
      return server
    })
    const client = createRpcClient(SegmentationService, { address })
    await assert.rejects(client.segmentImage(image(1)), (error) => {
      assert.ok(error instanceof PelletlineError)
      assert.equal(error.code, 'unavailable')
      assert.equal(error.retryable, true)
      assert.ok(error.message.includes(`SegmentImage cannot reach ${address}: `))
      return true
    })
    client.close()
    await assert.rejects(client.segmentImage(image(1)), { code: 'failed_precondition' })
  })

  it('refuses metadata that cannot be sent', async () => {
    await withServer([segmentation()], async ({ client }) => {
      const call = client(SegmentationService).segmentImage(image(1), { metadata: { 'not valid': 'x' } })
      await assert.rejects(call, { code: 'invalid_argument' })
    })
  })
})

describe('drain', { timeout: 60_000 }, () => {
  it('finishes the calls in progress and takes no new one', async () => {
    const begun = createBoundedQueue<() => void>({ limit: 1 })
    const handlers = {
      async segmentImage() {
        await new Promise<void>((resolve) => void begun.tryPush(resolve))
        return { threshold: 7 }
      },
    }
    await withServer([segmentation(handlers)], async ({ server, client }) => {
      const call = client(SegmentationService).segmentImage(image(1))
      const release = await begun.shift()
      const drained = server.drain(10_000)
      const late = createRpcClient(SegmentationService, { address: server.address })
      await assert.rejects(late.segmentImage(image(1)), { code: 'unavailable' })
      late.close()
      release?.()
      assert.equal((await call).threshold, 7)
      await drained
    })
  })

  it('aborts with unavailable the calls that outlast its patience', async () => {
    const begun = createBoundedQueue<AbortSignal>({ limit: 1 })
    const handlers: Partial<SegmentationHandlers> = {
      async segmentImage(_, { signal }) {
        await begun.push(signal)
        return new Promise<never>(() => {})
      },
    }
    await withServer([segmentation(handlers)], async ({ server, client }) => {
      const call = client(SegmentationService).segmentImage(image(1))
      const failed = assert.rejects(call, { code: 'unavailable', retryable: true, message: /shuts down/ })
      const signal = await begun.shift()
      await server.drain(10)
      await failed
      assert.equal(signal?.aborted, true)
    })
  })
})
