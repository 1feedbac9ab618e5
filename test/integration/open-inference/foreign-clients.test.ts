import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { installGrpcurl } from '../../../scripts/tools/grpc-tools.ts'
import { writeTinyModel } from '../../../services/shared/onnx/test-support/tiny-model.ts'
import { installTritonclient } from '../../support/install-tritonclient.ts'
import { type StartedPelletline, startPelletline } from '../../support/run-pelletline.ts'

/** As far as it is looked at, in the numbers of the REST half. */
interface Statistics {
  readonly inference_count: number
  readonly inference_stats: { readonly success: { readonly count: number } }
  readonly batch_stats: readonly { readonly batch_size: number; readonly compute_infer: { readonly count: number } }[]
}

const execute = promisify(execFile)
const levels = [0, 50, 128, 200, 255]
/** The tiny model's logits: 0, and 0.1 * (128 - mean gray). */
const logitsOf = (level: number) => [0, 0.1 * (128 - level)]

function assertLogits(found: readonly (readonly number[])[], expected: readonly number[][]): void {
  const flat = found.flat()
  assert.equal(flat.length, expected.flat().length)
  for (const [i, value] of expected.flat().entries())
    assert.ok(Math.abs(flat[i]! - value) < 1e-4, `${flat[i]} is not ${value}`)
}

/** The environment of a child without proxies: a client that obeys them would not find a server of this machine. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)))

const readGuide = () => readFile(join(import.meta.dirname, '../../../docs/inference.md'), 'utf8')
/** An output without what depends on the model's weights: its logits, and how many crops it calls NG. */
const withoutLogits = (text: string) =>
  text
    .replace(/"data":\[[^\]]*\]/, '"data":[…]')
    .replace(/("rawOutputContents": \[\s*)"[A-Za-z0-9+/=]{24}"/, '$1"…"')
    .replace(/\d+ of/, '… of')
/** The command of a step, which goes on where its line ends with a pipe, and what it prints. */
function readStep(step: string): { readonly command: string; readonly output: string } {
  const [, command = '', output = ''] = /^((?:.*\|\n)*.*)\n?([\s\S]*)$/.exec(step.trimEnd())!
  return { command, output }
}

describe('clients of other makers', { timeout: 600_000 }, () => {
  let folder = ''
  let student: StartedPelletline
  let python = ''
  let grpcurl = ''
  /** Where the ports of the documentation are in this run. */
  let addresses: Readonly<Record<string, string>> = {}
  const shown = new Map<string, unknown>()
  /** What a script printed under a name, in the form that its test expects. */
  const get = <T>(name: string) => shown.get(name) as T

  async function runPython(script: string, ...args: readonly string[]): Promise<void> {
    const path = join(import.meta.dirname, script)
    const { stdout } = await execute(python, [path, ...args], { env: environment, cwd: folder, timeout: 300_000 })
    for (const line of stdout.trim().split('\n')) {
      const { name, value } = JSON.parse(line)
      shown.set(script === 'grpcio_calls.py' ? `grpcio ${name}` : name, value)
    }
  }

  /** A text of the documentation with the addresses of this run. */
  function here(text: string): string {
    return Object.entries(addresses).reduce((moved, [there, address]) => moved.replaceAll(there, address), text)
  }

  before(async () => {
    const installed = await installTritonclient()
    if ('reason' in installed) {
      const next = 'These tests need Python 3 with venv and pip, and PyPI: make both reachable and run them again.'
      assert.fail(`${installed.reason}. ${next}`)
    }
    grpcurl = await installGrpcurl()
    folder = await mkdtemp(join(tmpdir(), 'pelletline-foreign-clients-'))
    const modelPath = await writeTinyModel(folder, { id: 'student-1' })
    const config = join(folder, 'student.yaml')
    const listen = '127.0.0.1:0'
    await writeFile(config, JSON.stringify({ listen, restListen: listen, student: { modelPath, workers: 1 } }))
    student = startPelletline('serve', 'student-inference', '--config', config)
    python = installed.python
    const [, grpc, rest] = /READY student-inference (\S+) REST (\S+)/.exec(await student.error(/^READY/))!
    addresses = { '127.0.0.1:7403': grpc!, '127.0.0.1:7413': rest! }
    await runPython('tritonclient_calls.py', grpc!, rest!)
    const proto = join(import.meta.dirname, '../../../proto/third_party/inference')
    await runPython('grpcio_calls.py', grpc!, proto)
  })
  after(async () => {
    student?.signal('SIGTERM')
    await student?.ended
    if (folder !== '') await rm(folder, { recursive: true, force: true })
  })

  it('tritonclient finds server and model live and ready over both halves, and an unknown model not', () => {
    for (const half of ['grpc', 'rest']) assert.deepEqual(shown.get(`${half} health`), [true, true, true, true, false])
  })

  it('tritonclient gets the logits of each crop over gRPC and over HTTP, binary and JSON', () => {
    const runs = [...shown].filter(([name]) => / infer /.test(name))
    assert.equal(runs.length, 8)
    for (const [name] of runs) {
      const [logits, dtype, id] = get<unknown[]>(name)
      assertLogits(logits as number[][], levels.map(logitsOf))
      assert.deepEqual([dtype, id], ['float32', 'request-7'])
    }
  })

  it('tritonclient is told by name what is wrong, with the status of each half', () => {
    const expected = [
      ['StatusCode.NOT_FOUND', '404', /no model "nobody"/],
      ['StatusCode.NOT_FOUND', '404', /no version "9"/],
      ['StatusCode.INVALID_ARGUMENT', '400', /no output "softmax"/],
      ['StatusCode.UNIMPLEMENTED', '501', /classification extension/],
      ['StatusCode.INVALID_ARGUMENT', '400', /there 2 times/],
      ['StatusCode.INVALID_ARGUMENT', '400', /"FP32"; student takes UINT8/],
      ['StatusCode.INVALID_ARGUMENT', '400', /student takes \[N,1,50,50\]/],
      ['StatusCode.INVALID_ARGUMENT', '400', /from 1 to 4096/],
      ['StatusCode.UNIMPLEMENTED', '501', /not loaded or unloaded by callers/],
    ] as const
    for (const half of ['grpc', 'rest'] as const) {
      for (const [i, [grpc, rest, message]] of expected.entries()) {
        const [status, text] = get<string[][]>(`${half} errors`)[i]!
        assert.equal(status, half === 'grpc' ? grpc : rest)
        assert.match(text!, message)
      }
    }
  })

  it('tritonclient gets the answers of a stream in the order of its requests, the error within it', () => {
    const ids = Array.from({ length: 20 }, (_, i) =>
      i === 7 ? 'There is no model "nobody" here; there is "student".' : `r${i}`,
    )
    assert.deepEqual(shown.get('stream'), ids)
  })

  it('tritonclient reads metadata, configuration, index and statistics, the same over both halves', () => {
    const pellet = { name: 'pellet', datatype: 'UINT8', shape: [-1, 1, 50, 50] }
    const metadata = get<{ versions: string[]; inputs: object[] }>('rest metadata')
    assert.deepEqual([metadata.versions, metadata.inputs], [['student-1'], [pellet]])
    assert.deepEqual(get<{ inputs: object[] }>('grpc metadata').inputs, [
      { ...pellet, shape: pellet.shape.map(String) },
    ])
    assert.deepEqual(shown.get('grpc server'), shown.get('rest server'))
    assert.deepEqual([shown.get('grpc config'), shown.get('rest config')], [4096, 4096])
    assert.deepEqual(shown.get('rest index'), [{ name: 'student', version: 'student-1', state: 'READY', reason: '' }])
    assert.deepEqual(shown.get('grpc index'), [{ name: 'student', version: 'student-1', state: 'READY' }])
    const [statistics] = get<Statistics[]>('rest statistics')
    // 8 requests of 5 crops and 19 of one; the refused ones never came to the model.
    assert.deepEqual([statistics!.inference_count, statistics!.inference_stats.success.count], [59, 27])
    assert.equal(get<{ inference_count: string }[]>('grpc statistics')[0]?.inference_count, '59')
    const crops = statistics!.batch_stats.map((batch) => batch.batch_size * batch.compute_infer.count)
    assert.equal(
      crops.reduce((sum, count) => sum + count, 0),
      59,
    )
  })

  it('docs/inference.md shows what curl and grpcurl are answered, but for the logits of the model', async () => {
    const blocks = [...(await readGuide()).matchAll(/```console\n(.*?)```/gs)].flatMap(([, block]) =>
      block!.split(/^\$ /m),
    )
    const steps = blocks.filter((step) => /^(curl|head|grpcurl|echo) /.test(step)).map(readStep)
    assert.equal(steps.filter(({ command }) => command.includes('grpcurl')).length, 2)
    assert.ok(steps.length >= 8)
    const PATH = [dirname(grpcurl), environment['PATH']].join(delimiter)
    for (const { command, output } of steps) {
      const { stdout } = await execute('sh', ['-c', here(command)], { cwd: folder, env: { ...environment, PATH } })
      assert.equal(withoutLogits(stdout.trimEnd()), withoutLogits(output), command)
    }
  })

  it('grpcurl lists and describes what is served by reflection, and tells the status and the details of a bad request', async () => {
    const address = addresses['127.0.0.1:7403']!
    const run = (...args: string[]) =>
      execute(grpcurl, ['-plaintext', ...args], { env: environment }).then(
        ({ stdout }) => stdout,
        (reason: { readonly stderr: string }) => reason.stderr,
      )
    const list = await run(address, 'list')
    for (const name of ['inference.GRPCInferenceService', 'pelletline.inference.v1.StudentInferenceService']) {
      assert.ok(list.split('\n').includes(name), list)
    }
    const described = await run(address, 'describe', 'inference.GRPCInferenceService.ModelInfer')
    assert.match(described, /rpc ModelInfer \( \.inference\.ModelInferRequest \) returns/)
    const refused = await run('-d', '{"model_name":"nobody"}', address, 'inference.GRPCInferenceService/ModelInfer')
    assert.match(refused, /Code: NotFound\s+Message: There is no model "nobody" here; there is "student"\./)
    assert.match(refused, /"retryable": "false"/)
    const late = await run('-d', '{}', '-max-time', '1e9', address, 'inference.GRPCInferenceService/ServerLive')
    assert.equal(late, '{\n  "live": true\n}\n')
  })

  it('docs/inference.md shows a program that runs as it stands', async () => {
    const guide = await readGuide()
    const [, program] = /```python\n(.*?)```/s.exec(guide)!
    const [, prints] = /It prints `(.*?)`/.exec(guide)!
    const { stdout } = await execute(python, ['-c', here(program!)], { cwd: folder, env: environment })
    assert.equal(withoutLogits(stdout.trim()), withoutLogits(prints!))
  })

  it('grpcio with the proto file alone gets raw for raw and numbers for numbers', () => {
    assertLogits([get<number[]>('grpcio raw')], [logitsOf(50)])
    const [numbers, rawOutputs] = get<[number[], number]>('grpcio typed')
    assertLogits([numbers], [logitsOf(50)])
    assert.equal(rawOutputs, 0)
  })

  it('grpcio gets the status of each bad request, and its next request is answered', () => {
    const expected = [
      ['INVALID_ARGUMENT', /2499 bytes/],
      ['INVALID_ARGUMENT', /beside raw_input_contents/],
      ['INVALID_ARGUMENT', /element 0 is 256/],
      ['INVALID_ARGUMENT', /from 1 to 4096/],
      ['INVALID_ARGUMENT', /from 1 to 4096/],
      ['RESOURCE_EXHAUSTED', /at most \d+ are taken\. Send less/],
    ] as const
    for (const [i, [code, message]] of expected.entries()) {
      const [status, details] = get<string[][]>('grpcio errors')[i]!
      assert.equal(status, code)
      assert.match(details!, message)
    }
    assertLogits([get<number[]>('grpcio after')], [logitsOf(50)])
  })
})
