import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startSilentBucket } from '../../test/support/silent-bucket.ts'
import { LotService } from '../gen/pelletline/mes/v1/mes_pb.ts'
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../gen/third_party/grpc/health/v1/health_pb.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'

/** Starts the service by a file of this text, in a process of its own. */
async function startMain(t: TestContext, text: string) {
  const directory = await mkdtemp(join(tmpdir(), 'analytics-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'analytics.yaml')
  await writeFile(file, text)
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, file], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const exited = once(child, 'exit')
  return {
    child,
    exited,
    errors: () => errors,
    /** Address of the service once it is ready. */
    async ready(): Promise<string> {
      while (!errors.includes('READY')) {
        await Promise.race([once(child.stderr, 'data'), exited.then(() => assert.fail(errors))])
      }
      return /READY analytics (\S+)/.exec(errors)![1]!
    },
  }
}

test('analytics alone says that it has no bus, is healthy once ready, and leaves with 0 after SIGTERM', async (t) => {
  const { child, exited, errors, ready } = await startMain(t, 'listen: 127.0.0.1:0\n')
  const address = await ready()

  const health = createRpcClient(Health, { address })
  for (const service of ['', LotService.typeName]) {
    assert.equal((await health.check({ service })).status, ServingStatus.SERVING, service)
  }
  health.close()
  assert.match(errors(), /gRPC surface only/)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('analytics whose folder of models is not there ends with the reason', { timeout: 60_000 }, async (t) => {
  const { exited, errors } = await startMain(t, 'listen: 127.0.0.1:0\nmodelsDir: /no-such-folder\n')
  assert.deepEqual(await exited, [3, null])
  assert.match(errors(), /^analytics: The model store \/no-such-folder cannot be read/m)
})

test('analytics whose bucket does not answer says so, takes work and leaves with 0', { timeout: 55_000 }, async (t) => {
  const bucket = await startSilentBucket()
  t.after(() => bucket.close())
  const text = JSON.stringify({ listen: '127.0.0.1:0', modelsDir: bucket.place })
  const { child, exited, errors, ready } = await startMain(t, text)
  await ready()
  while (!/s3:\/\/models\/ was not listed within 5000 ms/.test(errors())) await once(child.stderr, 'data')
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('analytics that is told to end while its bucket does not answer ends at once', { timeout: 55_000 }, async (t) => {
  const bucket = await startSilentBucket()
  t.after(() => bucket.close())
  const { child, exited } = await startMain(t, JSON.stringify({ listen: '127.0.0.1:0', modelsDir: bucket.place }))
  await bucket.untilAsked()
  const toldMs = performance.now()
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  assert.ok(performance.now() - toldMs < 1_900, 'sooner than it is waited for')
})
