import assert from 'node:assert/strict'
import test from 'node:test'
import { create, type Message, type MessageInitShape } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'
import {
  DataType,
  InferParameterSchema,
  type ModelInferRequestSchema,
} from '../../gen/third_party/inference/grpc_service_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createLocalClient } from '../../shared/rpc/local-client.ts'
import { createGrpcInferenceService } from './grpc-inference-service.ts'
import { createFakeModels, type FakeModelsOptions } from './test-support/fake-models.ts'

type RequestInit = Exclude<MessageInitShape<typeof ModelInferRequestSchema>, Message>

function setUp(options: FakeModelsOptions = {}, maxRequestsPerStream = 2) {
  const models = createFakeModels(options)
  const client = createLocalClient(createGrpcInferenceService({ models, maxRequestsPerStream }))
  return { models, client }
}

/** Crops whose pixels are all of one level each. */
function crops(...levels: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: levels.length * 2500 }, (_, i) => levels[Math.floor(i / 2500)]!)
}

function request(pixels: Uint8Array, rest: RequestInit = {}): RequestInit {
  const shape = [BigInt(pixels.length / 2500), 1n, 50n, 50n]
  const inputs = [{ name: 'pellet', datatype: 'UINT8', shape }]
  return { modelName: 'student', inputs, rawInputContents: [pixels], ...rest }
}

const floats = (bytes: Uint8Array) => [...new Float32Array(new Uint8Array(bytes).buffer)]
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('ModelInfer answers raw with raw, echoes id and parameters, and names the version that ran', async () => {
  const { client } = setUp()
  const parameters = { lot: { parameterChoice: { case: 'stringParam' as const, value: 'L1' } } }
  const answer = await client.modelInfer(request(crops(5, 9), { id: 'r1', parameters, outputs: [{ name: 'logits' }] }))
  assert.deepEqual([answer.modelName, answer.modelVersion, answer.id], ['student', 'b', 'r1'])
  assert.deepEqual(answer.parameters['lot']?.parameterChoice, parameters.lot.parameterChoice)
  const [output] = answer.outputs
  assert.deepEqual(
    [output!.name, output!.datatype, output!.shape, output!.contents],
    ['logits', 'FP32', [2n, 2n], undefined],
  )
  assert.deepEqual(floats(answer.rawOutputContents[0]!), [0, 5, 0, 9])
})

test('ModelInfer answers contents with contents, of bytes and of floats', async () => {
  for (const datatype of ['UINT8', 'FP32'] as const) {
    const { client } = setUp({ datatype })
    const list = [...crops(7)]
    const contents = datatype === 'UINT8' ? { uintContents: list } : { fp32Contents: list }
    const inputs = [{ name: 'pellet', datatype, shape: [1n, 1n, 50n, 50n], contents }]
    const answer = await client.modelInfer({ modelName: 'student', modelVersion: 'a', inputs })
    assert.equal(answer.modelVersion, 'a')
    assert.deepEqual(answer.outputs[0]?.contents?.fp32Contents, [0, 7])
    assert.deepEqual(answer.rawOutputContents, [])
  }
})

test('ModelInfer refuses what contradicts itself before the model sees anything of it', async () => {
  const { client, models } = setUp()
  const good = request(crops(1))
  const shape = [1n, 1n, 50n, 50n]
  const both = [{ name: 'pellet', datatype: 'UINT8', shape, contents: { uintContents: [1] } }]
  const two = { uintContents: [1], fp32Contents: [1] }
  const cases: [RequestInit, RegExp][] = [
    [{ ...good, inputs: both }, /beside raw_input_contents/],
    [{ ...good, rawInputContents: [crops(1), crops(1)] }, /2 entries; there are 1 inputs/],
    [{ ...good, rawInputContents: [] }, /no data/],
    [{ ...good, rawInputContents: [], inputs: [{ ...both[0]!, contents: two }] }, /more than one/],
    [
      { ...good, rawInputContents: [], inputs: [{ ...both[0]!, contents: { bytesContents: [crops(1)] } }] },
      /other types/,
    ],
    [{ ...good, rawInputContents: [crops(1).subarray(1)] }, /2499 bytes/],
    [{ ...good, outputs: [{ name: 'softmax' }] }, /no output "softmax"/],
    [{ ...good, parameters: { timeout: { parameterChoice: { case: 'int64Param', value: -1n } } } }, /microseconds/],
    [{ ...good, parameters: { timeout: { parameterChoice: { case: 'stringParam', value: '1' } } } }, /no whole number/],
    [{}, /There is no/],
  ]
  for (const [bad, message] of cases) {
    const code = bad.modelName === undefined ? 'not_found' : 'invalid_argument'
    await assert.rejects(client.modelInfer(bad), { code, message })
  }
  assert.equal(models.runs.length, 0)
})

const text = (value: string) => ({ parameterChoice: { case: 'stringParam' as const, value } })

test('ModelInfer refuses an id and parameters that are too long to come back, in bytes', async () => {
  const { client, models } = setUp()
  const parameters = { lot: text('x'.repeat(4093)) }
  const answer = await client.modelInfer(request(crops(5), { id: 'x'.repeat(1024), parameters }))
  assert.deepEqual([answer.id.length, Object.keys(answer.parameters)], [1024, ['lot']])
  const cases: [RequestInit, RegExp][] = [
    [{ id: 'ä'.repeat(513) }, /^id: 1026 bytes; at most 1024 are taken/],
    [{ parameters: { lot: text('x'.repeat(4094)) } }, /^parameters: 4097 bytes of names and values; at most 4096/],
    [{ parameters: { ['x'.repeat(4096)]: { parameterChoice: { case: 'boolParam', value: true } } } }, /4104 bytes/],
  ]
  for (const [rest, message] of cases) {
    await assert.rejects(client.modelInfer(request(crops(1), rest)), { code: 'invalid_argument', message })
  }
  assert.equal(models.runs.length, 1)
})

test('ModelInfer sends nothing back of a parameter that it does not know', async () => {
  const { client } = setUp()
  const lot = create(InferParameterSchema, text('L1'))
  lot.$unknown = [{ no: 99, wireType: WireType.LengthDelimited, data: new Uint8Array(1000) }]
  const { parameters } = await client.modelInfer(request(crops(5), { parameters: { lot } }))
  assert.deepEqual(parameters['lot'], create(InferParameterSchema, text('L1')))
})

test('ModelStreamInfer sends no id back that is too long, also with an error', async () => {
  const { client } = setUp()
  async function* requests() {
    yield request(crops(1), { id: 'x'.repeat(1025) })
    yield request(crops(1), { id: 'r1' })
  }
  const got: [string | undefined, string][] = []
  for await (const { inferResponse, errorMessage } of client.modelStreamInfer(requests())) {
    got.push([inferResponse?.id, errorMessage.slice(0, 30)])
  }
  assert.deepEqual(got, [
    ['', 'id: 1025 bytes; at most 1024 a'],
    ['r1', ''],
  ])
})

test('ModelInfer gives up at the timeout of the request and tells the model so', async () => {
  const { client, models } = setUp({ manual: true })
  const timeout = { parameterChoice: { case: 'int64Param' as const, value: 2000n } }
  await assert.rejects(client.modelInfer(request(crops(1), { parameters: { timeout } })), { code: 'deadline_exceeded' })
  const [run] = models.runs
  assert.equal(run!.options.withinMs, 2)
  assert.ok(run!.options.signal.aborted)
})

test('ModelInfer hands the signal of its call to the model, refuses where its queue is full, says what it says', async () => {
  const { client, models } = setUp({ manual: true })
  const caller = new AbortController()
  const call = client.modelInfer(request(crops(1)), { signal: caller.signal })
  await settled()
  assert.equal(models.runs[0]!.options.whenFull, 'refuse')
  caller.abort()
  await assert.rejects(call, { code: 'cancelled' })
  assert.ok(models.runs[0]!.options.signal.aborted)
  const refused = client.modelInfer(request(crops(1)))
  await settled()
  models.runs[1]!.fail(new PelletlineError('resource_exhausted', 'Full.', { retryAfterMs: 9 }))
  await assert.rejects(refused, { code: 'resource_exhausted', retryAfterMs: 9 })
})

test('ModelStreamInfer answers in the order of the requests, whichever run ends first, errors within their message', async () => {
  const { client, models } = setUp({ manual: true })
  async function* requests() {
    yield request(crops(1), { id: 'r0' })
    yield request(crops(2), { id: 'r1', modelName: 'nobody' })
    yield request(crops(3), { id: 'r2' })
  }
  const answers = client.modelStreamInfer(requests())[Symbol.asyncIterator]()
  const first = answers.next()
  while (models.runs.length < 2) await settled()
  models.runs[1]!.finish()
  await settled()
  models.runs[0]!.finish()
  const got = [(await first).value, (await answers.next()).value, (await answers.next()).value]
  assert.deepEqual(
    got.map((answer) => [answer?.inferResponse?.id, answer?.errorMessage]),
    [
      ['r0', ''],
      ['r1', 'There is no nobody  here.'],
      ['r2', ''],
    ],
  )
  assert.deepEqual(floats(got[2]!.inferResponse!.rawOutputContents[0]!), [0, 3])
  assert.equal(got[0]!.inferResponse!.parameters['triton_final_response']?.parameterChoice.value, true)
  assert.equal((await answers.next()).done, true)
  assert.equal(models.runs[0]!.options.whenFull, 'wait')
})

test('ModelStreamInfer takes no more requests than its bound while its reader is slow', async () => {
  const { client, models } = setUp({}, 3)
  let sent = 0
  async function* endless() {
    for (;;) yield request(crops(1), { id: `r${sent++}` })
  }
  const answers = client.modelStreamInfer(endless())[Symbol.asyncIterator]()
  await answers.next()
  for (let i = 0; i < 50; i += 1) await settled()
  assert.ok(models.runs.length <= 6, `${models.runs.length} requests were run for one answer that was read`)
  await answers.return?.()
})

test('ModelStreamInfer answers what it took before the sending broke off, then ends with that error', async () => {
  const { client } = setUp()
  async function* broken() {
    yield request(crops(1), { id: 'r0' })
    await settled()
    throw new PelletlineError('data_loss', 'The file ended early.')
  }
  const got: string[] = []
  await assert.rejects(
    async () => {
      for await (const { inferResponse } of client.modelStreamInfer(broken())) got.push(inferResponse!.id)
    },
    { code: 'data_loss' },
  )
  assert.deepEqual(got, ['r0'])
})

test('health and readiness follow the models; a model that is not there is not ready', async () => {
  let ready = false
  const { client } = setUp({ ready: () => ready })
  const state = async () => [
    (await client.serverLive({})).live,
    (await client.serverReady({})).ready,
    (await client.modelReady({ name: 'student' })).ready,
    (await client.modelReady({ name: 'nobody' })).ready,
  ]
  assert.deepEqual(await state(), [true, false, false, false])
  await assert.rejects(client.modelMetadata({ name: 'student' }), { code: 'unavailable', retryAfterMs: 1500 })
  ready = true
  assert.deepEqual(await state(), [true, true, true, false])
})

test('metadata, configuration, statistics and index describe the served models', async () => {
  const { client } = setUp()
  const metadata = await client.modelMetadata({ name: 'student' })
  assert.deepEqual(metadata.versions, ['b'])
  const [input] = metadata.inputs
  assert.deepEqual([input!.name, input!.datatype, input!.shape], ['pellet', 'UINT8', [-1n, 1n, 50n, 50n]])
  assert.deepEqual(metadata.outputs[0]!.shape, [-1n, 2n])
  const { config } = await client.modelConfig({ name: 'student', version: 'a' })
  assert.deepEqual([config!.maxBatchSize, config!.input[0]!.dataType], [4096, DataType.TYPE_UINT8])
  const { modelStats } = await client.modelStatistics({})
  assert.equal(modelStats.length, 1)
  const [stats] = modelStats
  assert.deepEqual([stats!.version, stats!.inferenceCount, stats!.executionCount], ['b', 7n, 3n])
  assert.deepEqual(
    stats!.batchStats.map(({ batchSize, computeInfer }) => [batchSize, computeInfer?.ns]),
    [
      [1n, 5n],
      [3n, 15n],
    ],
  )
  const index = async (ready: boolean) => (await client.repositoryIndex({ ready })).models.map(({ version }) => version)
  assert.deepEqual([await index(false), await index(true)], [['b', 'a'], ['b']])
})

test('versions and statistics of a model are those that can be asked for, those of all of them where none is given', async () => {
  for (const older of ['READY', 'LOADING', 'UNLOADING'] as const) {
    const { client } = setUp({ older })
    const expected = older === 'READY' ? ['b', 'a'] : ['b']
    assert.deepEqual((await client.modelMetadata({ name: 'student' })).versions, expected)
    const statistics = async (name: string, version = '') =>
      (await client.modelStatistics({ name, version })).modelStats.map((stats) => stats.version)
    assert.deepEqual(await statistics('student'), expected)
    assert.deepEqual(await statistics(''), expected)
    assert.deepEqual(await statistics('student', 'b'), ['b'])
    await assert.rejects(statistics('nobody'), { code: 'not_found' })
  }
})

test('the index names what may be loaded, after the models that there are', async () => {
  const repository = () => [{ name: 'x', version: 'x', state: 'UNAVAILABLE' as const, reason: 'in the store' }]
  const { client } = setUp({ repository })
  const index = async (ready: boolean) =>
    (await client.repositoryIndex({ ready })).models.map(({ name, version, state }) => `${name} ${version} ${state}`)
  assert.deepEqual(await index(false), ['student b READY', 'student a UNAVAILABLE', 'x x UNAVAILABLE'])
  assert.deepEqual(await index(true), ['student b READY'])
})

test('models are loaded and unloaded only where the server offers it', async () => {
  const { client } = setUp()
  await assert.rejects(client.repositoryModelLoad({ modelName: 'x' }), { code: 'unimplemented' })
  await assert.rejects(client.repositoryModelUnload({ modelName: 'x' }), { code: 'unimplemented' })
  const asked: string[] = []
  const control = {
    load: async (name: string) => void asked.push(`load ${name}`),
    unload: async (name: string) => void asked.push(`unload ${name}`),
  }
  const other = setUp({ control })
  await other.client.repositoryModelLoad({ modelName: 'x' })
  await other.client.repositoryModelUnload({ modelName: 'y' })
  assert.deepEqual(asked, ['load x', 'unload y'])
  // A model is loaded as it lies in the store: what is to be something else is refused, not passed over.
  const text = (value: string) => ({ parameterChoice: { case: 'stringParam' as const, value } })
  const parameters = { config: text('{}'), 'file:1/model.onnx': text('AAAA') }
  await assert.rejects(other.client.repositoryModelLoad({ modelName: 'x', parameters }), {
    code: 'unimplemented',
    message: /"config".*"file:1\/model\.onnx"/,
  })
  // Triton's clients say with each unload what is to become of models that depend on it; none does here.
  const dependents = { unload_dependents: { parameterChoice: { case: 'boolParam' as const, value: false } } }
  await other.client.repositoryModelUnload({ modelName: 'z', parameters: dependents })
  assert.deepEqual(asked, ['load x', 'unload y', 'unload z'])
  assert.ok((await other.client.serverMetadata({})).extensions.includes('model_repository'))
})
