import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { on } from 'node:events'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { createInferencePool, type PoolState } from './inference-pool.ts'
import { type InferenceProvider, requireProvider } from './inference-provider.ts'
import { grayCrops, modelDirectory, type TinyModelOptions, writeTinyModel } from './test-support/tiny-model.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
before(async () => {
  directory = await modelDirectory()
})
after(() => directory.remove())

const mortal = new URL('./test-support/mortal-worker.ts', import.meta.url)

/** Logits that the tiny model gives for a crop of one gray level. */
const expectedLogits = (...levels: number[]) => levels.flatMap((level) => [0, 0.1 * (128 - level)])

function assertClose(found: ArrayLike<number>, expected: readonly number[]): void {
  assert.equal(found.length, expected.length)
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(found[i]! - value) < 1e-4, `${found[i]} at ${i}`)
}

async function refusal(id: string, options: TinyModelOptions = {}): Promise<PelletlineError> {
  const modelPath = await writeTinyModel(directory.path, { id, ...options })
  return refusalOf(modelPath)
}

async function refusalOf(modelPath: string, expectedSha256?: string): Promise<PelletlineError> {
  const error = await createInferencePool({ modelPath, threadsPerWorker: 1, expectedSha256 }).then(
    async (pool) => pool.close(),
    (reason) => reason,
  )
  assert.ok(error instanceof PelletlineError, 'the model was not refused')
  assert.ok(error.message.includes(modelPath), error.message)
  return error
}

test('inference pool gives the logits of every crop in order, over several runs and workers', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'good', threshold: 0.5 })
  const pool = await createInferencePool({ modelPath, workers: 2, threadsPerWorker: 1, maxBatch: 4 })
  try {
    assert.equal(pool.model.id, 'good')
    assert.equal(pool.model.threshold, 0.5)
    assert.equal(pool.state(), 'ready')
    const levels = Array.from({ length: 21 }, (_, i) => i * 12)
    assertClose(await pool.run(grayCrops(...levels), levels.length), expectedLogits(...levels))
    assert.equal((await pool.run(new Uint8Array(0), 0)).length, 0)
  } finally {
    await pool.close()
  }
  await assert.rejects(pool.run(grayCrops(1), 1), { code: 'unavailable' })
})

test('inference pool refuses bytes that do not fit the count', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'count' })
  const pool = await createInferencePool({ modelPath, threadsPerWorker: 1, maxBatch: 4 })
  await assert.rejects(pool.run(new Uint8Array(2499), 1), { code: 'invalid_argument', message: /2500 bytes.*2499/ })
  await pool.close()
})

test('inference pool refuses a model that is not there, or has no manifest', async () => {
  const error = await refusalOf(join(directory.path, 'absent.onnx'))
  assert.equal(error.code, 'not_found')
  const modelPath = await writeTinyModel(directory.path, { id: 'bare' })
  await rm(join(directory.path, 'bare.manifest.json'))
  assert.equal((await refusalOf(modelPath)).code, 'not_found')
})

test('inference pool refuses a model whose digest is not that of its manifest or not the one asked for', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'cut' })
  await truncate(modelPath, 100)
  const damaged = await refusalOf(modelPath)
  assert.equal(damaged.code, 'data_loss')
  assert.match(damaged.message, /SHA-256 [0-9a-f]{64}.*expects [0-9a-f]{64}/)
  const other = await writeTinyModel(directory.path, { id: 'other' })
  assert.equal((await refusalOf(other, '0'.repeat(64))).code, 'data_loss')
})

test('inference pool refuses a model of other crops or of another order of classes', async () => {
  const input = { name: 'pellet', shape: [null, 1, 50, 50], dtype: 'uint8', cropVersion: 2 }
  assert.match((await refusal('crops', { manifest: { input } })).message, /crop version 2; expected version 1/)
  const classes = ['NG', 'OK']
  assert.match((await refusal('classes', { manifest: { classes } })).message, /classes NG, OK; expected OK, NG/)
})

test('inference pool refuses what is no ONNX model', async () => {
  const sha256 = createHash('sha256').update('text').digest('hex')
  const modelPath = await writeTinyModel(directory.path, { id: 'text', manifest: { sha256 } })
  await writeFile(modelPath, 'text')
  assert.match((await refusalOf(modelPath)).message, /no model that ONNX Runtime loads/)
})

test('inference pool refuses other inputs and outputs and names what was expected and found', async () => {
  assert.match((await refusal('name', { fault: 'input-name' })).message, /uint8 image .*expected uint8 pellet/)
  assert.match((await refusal('type', { fault: 'input-type' })).message, /float32 pellet .*expected uint8 pellet/)
  assert.match(
    (await refusal('shape', { fault: 'output-shape' })).message,
    /\[N, 3\].*expected float32 logits \[N, 2\]/,
  )
  assert.match((await refusal('fixed', { fault: 'fixed-batch' })).message, /\[4, 1, 50, 50\].*expected uint8 pellet/)
})

test('inference pool refuses a model that gives no finite number', async () => {
  assert.match((await refusal('nan', { fault: 'nan' })).message, /gave NaN as logit/)
})

test('inference pool refuses a model that has no score for a crop of one gray, by that gray', async () => {
  const { code, message } = await refusal('dark', { fault: 'nan-when-dark' })
  assert.equal(code, 'failed_precondition')
  assert.match(message, /dark\.onnx gave NaN as logit 0 of the warm-up crop all of gray 0; expected finite numbers/)
})

test('inference pool gives a model that takes floats the grays of the crops as such', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'floats', inputType: 'float32' })
  const pool = await createInferencePool({ modelPath, threadsPerWorker: 1, maxBatch: 4 })
  try {
    const levels = [0, 7, 128, 200, 255]
    assertClose(await pool.run(grayCrops(...levels), levels.length), expectedLogits(...levels))
    assertClose(await pool.run(grayCrops(9), 1), expectedLogits(9))
  } finally {
    await pool.close()
  }
})

test('inference pool refuses a model that takes what its manifest does not say, or crops cannot be given in', async () => {
  const input = (dtype: string) => ({ name: 'pellet', shape: [null, 1, 50, 50], dtype, cropVersion: 1 })
  const other = await refusal('says-floats', { manifest: { input: input('float32') } })
  assert.match(other.message, /takes uint8 pellet .*expected float32 pellet/)
  const unknown = await refusal('says-halves', { manifest: { input: input('float16') } })
  assert.match(unknown.message, /takes float16 by its manifest; expected uint8 or float32/)
})

test('inference pool refuses a model that judges a crop by its neighbours in the batch', async () => {
  assert.match((await refusal('mixes', { fault: 'mixes-batch' })).message, /does not depend on the crop's neighbours/)
})

test('inference pool does not load once its signal is aborted', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'aborted' })
  await assert.rejects(createInferencePool({ modelPath, signal: AbortSignal.abort() }), { code: 'cancelled' })
})

test('inference pool warms its workers together, or one after the other where that is asked for', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'announced' })
  const workerEntry = new URL('./test-support/announcing-worker.ts', import.meta.url)
  const channel = new BroadcastChannel(modelPath)
  const began = on(channel as unknown as EventTarget, 'message')
  const together = createInferencePool({ modelPath, workerEntry, workers: 2, warmUp: 'together' })
  for (let i = 0; i < 2; i += 1) await began.next()
  channel.postMessage('be warm')
  await (await together).close()

  const inTurn = createInferencePool({ modelPath, workerEntry, workers: 2, warmUp: 'inTurn' })
  await began.next()
  const second = began.next()
  assert.equal(await Promise.race([second, delay(300, 'nobody')]), 'nobody')
  channel.postMessage('be warm')
  await second
  channel.postMessage('be warm')
  const pool = await inTurn
  assert.equal(pool.state(), 'ready')
  await pool.close()
  channel.close()
})

test('inference pool replaces a worker that dies and refuses only the runs in its hands, as retryable', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'mortal' })
  const deaths: PoolState[] = []
  const pool = await createInferencePool({
    modelPath,
    workerEntry: mortal,
    maxBatch: 2,
    onWorkerDeath: (_, state) => deaths.push(state),
  })
  const results = await Promise.allSettled([
    pool.run(grayCrops(255), 1),
    pool.run(grayCrops(1), 1),
    pool.run(grayCrops(2), 1),
  ])
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'rejected', 'fulfilled'],
  )
  const [first] = results
  assert.ok(first.status === 'rejected' && first.reason instanceof PelletlineError && first.reason.retryable)
  assert.deepEqual(deaths, ['recovering'])
  assert.equal(pool.state(), 'ready')
  assert.deepEqual([...(await pool.run(grayCrops(3), 1))], [0, 3])
  await pool.close()
})

test('inference pool gives a worker up that dies again and again, and says so to every later run', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'doomed' })
  const pool = await createInferencePool({ modelPath, workerEntry: mortal, maxBatch: 2, maxRestarts: 1 })
  await assert.rejects(pool.run(grayCrops(255), 1), { code: 'unavailable' })
  await assert.rejects(pool.run(grayCrops(255), 1), { code: 'unavailable' })
  assert.equal(pool.state(), 'failed')
  await assert.rejects(pool.run(grayCrops(1), 1), { code: 'unavailable', message: /died 2 times in a row/ })
  await pool.close()
})

test('inference pool goes on without a worker that it gave up, counts the others, and tries that one again later', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'degraded' })
  const deaths: PoolState[] = []
  const back = Promise.withResolvers<PoolState>()
  const pool = await createInferencePool({
    modelPath,
    workerEntry: mortal,
    workers: 2,
    maxBatch: 1,
    maxRestarts: 0,
    retryMs: 300,
    onWorkerDeath: (_, state) => deaths.push(state),
    onWorkerReturn: back.resolve,
  })
  try {
    assert.deepEqual([pool.state(), pool.workers], ['ready', 2])
    await assert.rejects(pool.run(grayCrops(255), 1), { code: 'unavailable' })
    assert.deepEqual([pool.state(), pool.workers, deaths], ['degraded', 1, ['degraded']])
    assert.deepEqual([...(await pool.run(grayCrops(3, 4, 5), 3))], [0, 3, 0, 4, 0, 5])
    assert.equal(await back.promise, 'ready')
    assert.deepEqual([pool.state(), pool.workers], ['ready', 2])
  } finally {
    await pool.close()
  }
})

test('inference pool that has given up every worker says so for good, and refuses what still comes', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'gone' })
  const options = { modelPath, workerEntry: mortal, workers: 2, maxBatch: 1, maxRestarts: 0, retryMs: 20 }
  const pool = await createInferencePool(options)
  const runs = [254, 255, 255, 255].map((level) => pool.run(grayCrops(level), 1))
  await Promise.allSettled(runs)
  while (pool.state() !== 'failed') await pool.run(grayCrops(255), 1).catch(() => {})
  await delay(200)
  assert.deepEqual([pool.state(), pool.workers], ['failed', 1])
  await assert.rejects(pool.run(grayCrops(1), 1), { code: 'unavailable', message: /All workers .* died/ })
  await pool.close()
})

test('inference pool does not fail for good while a worker that it gave up is being tried again', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'tried' })
  const channel = new BroadcastChannel(modelPath)
  const began = on(channel as unknown as EventTarget, 'message')
  const deaths: PoolState[] = []
  const back = Promise.withResolvers<PoolState>()
  const opening = createInferencePool({
    modelPath,
    workerEntry: new URL('./test-support/announcing-worker.ts', import.meta.url),
    workers: 2,
    maxBatch: 1,
    maxRestarts: 0,
    retryMs: 20,
    onWorkerDeath: (_, state) => deaths.push(state),
    onWorkerReturn: back.resolve,
  })
  try {
    for (let i = 0; i < 2; i += 1) await began.next()
    channel.postMessage('be warm')
    const pool = await opening
    await assert.rejects(pool.run(grayCrops(255), 1), { code: 'unavailable' })
    // The one that was given up is tried again; meanwhile the other one dies, and is tried again after it.
    await began.next()
    await assert.rejects(pool.run(grayCrops(255), 1), { code: 'unavailable' })
    assert.deepEqual([deaths, pool.state(), pool.workers], [['degraded', 'degraded'], 'degraded', 1])
    await began.next()
    const waiting = pool.run(grayCrops(3), 1)
    channel.postMessage('be warm')
    assert.deepEqual([...(await waiting)], [0, 3])
    await back.promise
    while (pool.state() !== 'ready') await delay(5)
    assert.equal(pool.workers, 2)
  } finally {
    channel.close()
    await (await opening).close()
  }
})

test('inference pool finishes the runs of a worker that once died and was replaced before it closes', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'replaced' })
  const pool = await createInferencePool({ modelPath, workerEntry: mortal, maxBatch: 1 })
  await assert.rejects(pool.run(grayCrops(255), 1), { code: 'unavailable' })
  while (pool.state() !== 'ready') await delay(5)
  const run = pool.run(grayCrops(253), 1)
  await pool.close()
  assert.deepEqual([...(await run)], [0, 253])
})

test('inference pool that is closed waits for a run no longer than it is told, and refuses the run then', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'endless' })
  const pool = await createInferencePool({ modelPath, workerEntry: mortal, maxBatch: 1 })
  // This run is answered only after another one, which does not come.
  const run = assert.rejects(pool.run(grayCrops(254), 1), { code: 'unavailable' })
  await pool.close(50)
  await run
})

test('inference pool does not compute a cancelled run that no worker holds yet', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'cancel' })
  const pool = await createInferencePool({ modelPath, workerEntry: mortal, maxBatch: 1 })
  const cancel = new AbortController()
  const filled: number[] = []
  const run = (level: number, signal?: AbortSignal) =>
    pool.runBatch(
      1,
      (pixels) => {
        filled.push(level)
        pixels.fill(level)
      },
      signal,
    )
  // The worker holds two runs, so the third waits.
  const held = [run(254), run(1)]
  const cancelled = run(2, cancel.signal)
  const last = run(3)
  cancel.abort()
  await assert.rejects(cancelled, { code: 'cancelled' })
  await Promise.all([...held, last])
  assert.deepEqual(filled, [254, 1, 3])
  await pool.close()
})

test('inference pool gives a run to the worker that is expected to be idle first', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'first-end' })
  const pool = await createInferencePool({ modelPath, workerEntry: mortal, workers: 2, maxBatch: 1 })
  assert.equal(pool.idle, 2)
  const run = (level: number, expectedMs: number) =>
    pool.runBatch(1, (pixels) => pixels.fill(level), undefined, expectedMs)
  const ended: string[] = []
  // Each is answered only after another one that its worker gets.
  const long = run(254, 60_000).then(() => ended.push('long'))
  const short = run(254, 30_000).then(() => ended.push('short'))
  assert.equal(pool.idle, 0)
  const behind = run(1, 10).then(() => ended.push('behind'))
  await Promise.all([short, behind])
  assert.deepEqual([ended.includes('long'), pool.idle], [false, 1])
  await Promise.all([long, run(1, 10), run(1, 10), run(1, 10)])
  await pool.close()
})

test('inference pool finishes the runs in its workers hands before it closes', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'closing' })
  const pool = await createInferencePool({ modelPath, threadsPerWorker: 1, maxBatch: 64 })
  const levels = Array.from({ length: 64 }, (_, i) => i)
  const runs = pool.run(grayCrops(...levels), 64)
  await pool.close()
  assertClose(await runs, expectedLogits(...levels))
})

test('inference pool runs at the nice value that was asked for and leaves the process its own', {
  skip: process.platform === 'linux' && getPriority() < 19 ? false : 'threads have no nice value of their own here',
}, async () => {
  const niceValues = async () => {
    const tasks = await readdir('/proc/self/task')
    const stats = await Promise.all(
      tasks.map((task) => readFile(`/proc/self/task/${task}/stat`, 'utf8').catch(() => '')),
    )
    // The command's name ends with the last parenthesis; nice is the 17th field after it.
    return stats.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]))
  }
  const ownNice = (await readFile('/proc/self/stat', 'utf8')).split(') ')[1]!.split(' ')[16]
  const modelPath = await writeTinyModel(directory.path, { id: 'nice' })
  const pool = await createInferencePool({ modelPath, threadsPerWorker: 2, niceness: 19 })
  // The worker itself and the second thread of its session.
  assert.equal((await niceValues()).filter((nice) => nice === 19).length, 2)
  assert.equal((await readFile('/proc/self/stat', 'utf8')).split(') ')[1]!.split(' ')[16], ownNice)
  await pool.close()
})

test('inference pool refuses a GPU that is not there instead of taking the processor, and judges on one that is', async () => {
  const modelPath = await writeTinyModel(directory.path, { id: 'gpu' })
  const open = () => createInferencePool({ modelPath, provider: 'cuda' })
  if (hasProvider('cuda')) {
    const pool = await open()
    assertClose(await pool.run(grayCrops(10, 200), 2), expectedLogits(10, 200))
    await pool.close()
    return
  }
  await assert.rejects(open(), {
    code: 'failed_precondition',
    message: /^Provider cuda cannot be used on .*set provider: cpu; it is not replaced by itself\.$/,
  })
})

function hasProvider(provider: InferenceProvider): boolean {
  try {
    requireProvider(provider)
    return true
  } catch {
    return false
  }
}
