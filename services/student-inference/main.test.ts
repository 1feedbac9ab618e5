import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { fileURLToPath } from 'node:url'
import { StudentInferenceService } from '../gen/pelletline/inference/v1/inference_pb.ts'
import { grayCrops, modelDirectory, writeTinyModel } from '../shared/onnx/test-support/tiny-model.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
let modelPath: string
before(async () => {
  directory = await modelDirectory()
  modelPath = await writeTinyModel(directory.path)
})
after(() => directory.remove())

async function run(config: unknown): Promise<{ readonly child: ChildProcess; readonly errors: () => string }> {
  const file = join(directory.path, 'config.yaml')
  await writeFile(file, JSON.stringify(config))
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr!.on('data', (chunk) => (text += chunk))
  return { child, errors: () => text }
}

test('student-inference alone says that it has no bus, answers over gRPC and REST, and leaves with 0 after SIGTERM', async () => {
  const { child, errors } = await run({
    listen: '127.0.0.1:0',
    restListen: '127.0.0.1:0',
    student: { modelPath, workers: 1 },
  })
  const exited = once(child, 'exit')
  while (!errors().includes('READY'))
    await Promise.race([once(child.stderr!, 'data'), exited.then(() => assert.fail(errors()))])
  const address = /READY student-inference (\S+)/.exec(errors())![1]!
  const client = createRpcClient(StudentInferenceService, { address })
  const answer = await client.classifyCrop({ crop: grayCrops(50) })
  assert.equal(answer.classification?.model?.id, 'tiny')
  client.close()
  assert.match(errors(), /gRPC surface only/)
  const rest = /READY .* REST (\S+)/.exec(errors())![1]!
  const infer = await fetch(`http://${rest}/v2/models/student/infer`, {
    method: 'POST',
    headers: { 'inference-header-content-length': '0' },
    body: grayCrops(50),
  })
  const { model_version, outputs } = (await infer.json()) as { model_version: string; outputs: { shape: number[] }[] }
  assert.deepEqual([infer.status, model_version, outputs[0]!.shape], [200, 'tiny', [1, 2]])
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('student-inference leaves with 2 for a value that is out of range, and with 3 for a model that is not there', async () => {
  const wrong = await run({ student: { modelPath, maxBatch: 0 } })
  assert.deepEqual(await once(wrong.child, 'exit'), [2, null])
  assert.match(wrong.errors(), /student\.maxBatch: found 0; valid is: at least 1/)
  const missing = await run({
    listen: '127.0.0.1:0',
    restListen: 'off',
    student: { modelPath: join(directory.path, 'absent.onnx') },
  })
  assert.deepEqual(await once(missing.child, 'exit'), [3, null])
  assert.match(missing.errors(), /There is no model .*absent\.onnx/)
})
