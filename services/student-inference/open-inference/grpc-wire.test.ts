import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import test from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { withServer } from '../../../test/support/with-server.ts'
import { ServerReflection } from '../../gen/third_party/grpc/reflection/v1/reflection_pb.ts'
import { GRPCInferenceService, ModelInferRequestSchema } from '../../gen/third_party/inference/grpc_service_pb.ts'
import { createGrpcInferenceService } from './grpc-inference-service.ts'
import { createFakeModels } from './test-support/fake-models.ts'

const crops = (items: number, level: number) => new Uint8Array(items * 2500).fill(level)

function request(level: number, items = 1) {
  const inputs = [{ name: 'pellet', datatype: 'UINT8', shape: [BigInt(items), 1n, 50n, 50n] }]
  return { modelName: 'student', inputs, rawInputContents: [crops(items, level)] }
}

/** A call by HTTP/2 alone, whose headers say what no client of gRPC would; resolves with the status of the call. */
function rawInfer(address: string, headers: Record<string, string>, message: Uint8Array): Promise<string> {
  const session = connect(`http://${address}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': '/inference.GRPCInferenceService/ModelInfer',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  return new Promise((resolve, reject) => {
    const end = (status: unknown) => {
      if (status === undefined) return
      session.destroy()
      resolve(String(status))
    }
    stream.on('error', reject)
    stream.on('response', (fields) => end(fields['grpc-status']))
    stream.on('trailers', (fields) => end(fields['grpc-status']))
    stream.resume()
    const prefix = Buffer.alloc(5)
    prefix.writeUInt32BE(message.length, 1)
    stream.write(prefix)
    stream.end(message)
  })
}

test('callers with bad requests get their own status, and those beside them get their own logits', async () => {
  const models = createFakeModels()
  await withServer([createGrpcInferenceService({ models, maxRequestsPerStream: 2 })], async ({ server, client }) => {
    const one = client(GRPCInferenceService)
    const good = (level: number) => one.modelInfer(request(level, 2))
    const code = (promise: Promise<unknown>) =>
      promise.then(
        () => 'ok',
        (error) => error.code,
      )
    const { inputs, ...rest } = request(1)
    const wrongShape = [{ ...inputs[0]!, shape: [1n << 62n, 1n << 62n, 50n, 50n] }]
    const answers = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, level) =>
          [
            await good(level),
            await code(one.modelInfer({ ...request(1), rawInputContents: [crops(1, 1).subarray(7)] })),
            await code(one.modelInfer({ ...rest, inputs: wrongShape })),
            await code(one.modelInfer({ ...request(1), modelName: 'x' })),
            await rawInfer(server.address, {}, Uint8Array.of(255, 255, 255)),
          ] as const,
      ),
    )
    for (const [level, [answer, ...statuses]] of answers.entries()) {
      const logits = new Float32Array(new Uint8Array(answer.rawOutputContents[0]!).buffer)
      assert.deepEqual([...logits], [0, level, 0, level])
      assert.deepEqual(statuses, ['invalid_argument', 'invalid_argument', 'not_found', '3'])
    }
    assert.equal(models.runs.length, 20)
  })
})

test('a message of 100 MB is refused with RESOURCE_EXHAUSTED, and the server goes on', async () => {
  const models = createFakeModels()
  await withServer(
    [createGrpcInferenceService({ models, maxRequestsPerStream: 2 })],
    async ({ client }) => {
      const one = client(GRPCInferenceService, 200_000_000)
      await assert.rejects(one.modelInfer(request(1, 40_000)), { code: 'resource_exhausted' })
      assert.equal((await client(GRPCInferenceService).modelInfer(request(1))).modelName, 'student')
      assert.equal(models.runs.length, 1)
    },
    { maxMessageBytes: 1_000_000 },
  )
})

test('a message of a million empty inputs is refused before it is decoded', async () => {
  const models = createFakeModels()
  await withServer([createGrpcInferenceService({ models, maxRequestsPerStream: 2 })], async ({ server }) => {
    const emptyInput = Buffer.from([(5 << 3) | 2, 0])
    assert.equal(await rawInfer(server.address, {}, Buffer.alloc(2_000_000, emptyInput)), '3')
  })
})

/** The bytes as a field of that number. */
function field(number: number, bytes: Uint8Array): Buffer {
  const prefix: number[] = [(number << 3) | 2]
  let left = bytes.length
  for (; left > 127; left >>>= 7) prefix.push((left & 127) | 128)
  return Buffer.concat([Buffer.from([...prefix, left]), bytes])
}

test('megabytes of packed numbers are refused before they are decoded, in a fraction of the time that would take', async () => {
  const models = createFakeModels()
  const options = { maxMessageBytes: 20_000_000 }
  const service = createGrpcInferenceService({ models, maxRequestsPerStream: 2 })
  await withServer(
    [service],
    async ({ server, client }) => {
      await client(GRPCInferenceService).serverLive({})
      const numbers = Buffer.alloc(4_000_000, 1)
      const shape = field(5, field(3, numbers))
      const contents = [1, 2, 3, 4, 5].map((number) => field(5, field(5, field(number, numbers))))
      const before = process.cpuUsage()
      for (const message of [shape, ...contents]) assert.equal(await rawInfer(server.address, {}, message), '3')
      const { user, system } = process.cpuUsage(before)
      assert.ok(user + system < 1_500_000, `${user + system} us`)
      // What has the right to be there and is no shape costs little either.
      const long = field(
        5,
        Buffer.concat([
          field(1, Buffer.from('pellet')),
          field(2, Buffer.from('UINT8')),
          field(3, numbers.subarray(0, 65_000)),
        ]),
      )
      assert.equal(await rawInfer(server.address, {}, Buffer.concat([field(1, Buffer.from('student')), long])), '3')
      assert.equal(models.runs.length, 0)
    },
    options,
  )
})

test('a call whose deadline has passed is answered DEADLINE_EXCEEDED, and what it began is aborted', async () => {
  const models = createFakeModels({ manual: true })
  await withServer([createGrpcInferenceService({ models, maxRequestsPerStream: 2 })], async ({ server }) => {
    const message = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, request(1)))
    assert.equal(await rawInfer(server.address, { 'grpc-timeout': '1n' }, message), '4')
    assert.ok(models.runs.every((run) => run.options.signal.aborted))
  })
})

test('a caller that never reads holds up neither the server nor another caller', async () => {
  const models = createFakeModels()
  await withServer([createGrpcInferenceService({ models, maxRequestsPerStream: 2 })], async ({ client }) => {
    const slow = client(GRPCInferenceService, 4_000_000)
    async function* endless() {
      for (;;) yield request(1, 400)
    }
    const answers = slow.modelStreamInfer(endless())[Symbol.asyncIterator]()
    await answers.next()
    let last = -1
    while (models.runs.length !== last) {
      last = models.runs.length
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    assert.equal((await client(GRPCInferenceService).modelInfer(request(7))).outputs.length, 1)
    await answers.return?.()
  })
})

test('reflection lists the service and describes it by its name', async () => {
  const models = createFakeModels()
  await withServer([createGrpcInferenceService({ models, maxRequestsPerStream: 2 })], async ({ client }) => {
    async function* questions() {
      yield { messageRequest: { case: 'listServices' as const, value: '' } }
      yield { messageRequest: { case: 'fileContainingSymbol' as const, value: 'inference.GRPCInferenceService' } }
    }
    const answers: unknown[] = []
    for await (const { messageResponse } of client(ServerReflection).serverReflectionInfo(questions())) {
      if (messageResponse.case === 'listServicesResponse')
        answers.push(messageResponse.value.service.map(({ name }) => name))
      else answers.push(messageResponse.case)
    }
    assert.ok((answers[0] as string[]).includes('inference.GRPCInferenceService'))
    assert.equal(answers[1], 'fileDescriptorResponse')
  })
})
