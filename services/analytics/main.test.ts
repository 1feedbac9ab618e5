import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { LotService } from '../gen/pelletline/mes/v1/mes_pb.ts'
import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../gen/third_party/grpc/health/v1/health_pb.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'

test('analytics alone says that it has no bus, is healthy once ready, and leaves with 0 after SIGTERM', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'analytics-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const file = join(directory, 'analytics.yaml')
  await writeFile(file, 'listen: 127.0.0.1:0\n')
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, file], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  const exited = once(child, 'exit')
  while (!errors.includes('READY')) {
    await Promise.race([once(child.stderr, 'data'), exited.then(() => assert.fail(errors))])
  }
  const address = /READY analytics (\S+)/.exec(errors)![1]!

  const health = createRpcClient(Health, { address })
  for (const service of ['', LotService.typeName]) {
    assert.equal((await health.check({ service })).status, ServingStatus.SERVING, service)
  }
  health.close()
  assert.match(errors, /gRPC surface only/)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})
