import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openRecording } from '../../services/shared/recording/index.ts'
import { runPelletline } from '../support/run-pelletline.ts'

type Json = Readonly<
  Record<
    'kind' | 'strips' | 'rows' | 'ngByTruth' | 'count' | 'ng' | 'digest' | 'metrics' | 'sha256' | 'model' | 'confusion',
    unknown
  >
>

describe('pelletline simulate, train and evaluate', () => {
  let folder = ''
  const path = (...parts: string[]) => join(folder, ...parts)
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-train-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('records a line with its truth, the same bytes for the same seed', async () => {
    const args = [
      '--seconds',
      '500ms',
      '--seed',
      '7',
      '--line-width',
      '512',
      '--rate',
      '2000',
      '--prevalence',
      '0.2',
      '--json',
    ]
    const runs = await Promise.all([
      runPelletline('simulate', '--out', path('a.plr'), ...args),
      runPelletline('simulate', '--out', path('b.plr'), ...args),
    ])
    assert.deepEqual(
      runs.map(({ code }) => code),
      [0, 0],
      runs[0].stderr,
    )
    const [counts] = runs[0].json() as Json[]
    assert.equal(counts!.rows, 1000)
    const reader = await openRecording(path('a.plr'))
    assert.deepEqual([reader.stripCount, reader.closed, reader.header.width], [counts!.strips, true, 512])
    await reader.close()
    assert.deepEqual(await readFile(path('a.plr')), await readFile(path('b.plr')))
    const truth = (await readFile(path('a.plr.truth.jsonl'), 'utf8')).trimEnd().split('\n')
    assert.equal(
      truth.filter((line) => (JSON.parse(line) as { class: string }).class === 'NG').length,
      counts!.ngByTruth,
    )
  })

  it('refuses a fault, a setting and a length that are not valid, by name', async () => {
    await writeFile(path('line.yaml'), 'widht: 4096\n')
    const [fault, setting, length, nothing] = await Promise.all([
      runPelletline('simulate', '--out', path('c.plr'), '--seconds', '1', '--fault', 'product-darkns@5s'),
      runPelletline('simulate', '--out', path('c.plr'), '--seconds', '1', '--config', path('line.yaml')),
      runPelletline('simulate', '--out', path('c.plr')),
      runPelletline('simulate'),
    ])
    assert.deepEqual([fault.code, setting.code, length.code, nothing.code], [2, 2, 2, 2])
    assert.match(fault.stderr, /product-darkns@5s.*product-darkens/)
    assert.match(setting.stderr, /widht.*width/)
    assert.match(length.stderr, /--seconds N/)
    assert.match(nothing.stderr, /--out FILE --seconds N .* --crops FILE --count N/)
  })

  it('trains on simulated crops, resumes to the same result, and evaluates the model on a file of crops', async () => {
    await writeFile(path('train.yaml'), 'widths: [16, 16, 16, 16]\nbatchSize: 16\n')
    const args = ['--data', 'simulated', '--count', '80', '--epochs', '1', '--config', path('train.yaml')]
    const train = () => runPelletline('train', 'student', ...args, '--out', path('trained'), '--id', 'tiny-1', '--json')
    const crops = runPelletline(
      'simulate',
      '--crops',
      path('test.crops'),
      '--count',
      '40',
      '--ng-share',
      '0.25',
      '--json',
    )
    const [first, simulated] = await Promise.all([train(), crops])
    assert.deepEqual([first.code, simulated.code], [0, 0], first.stderr + simulated.stderr)
    assert.deepEqual([(simulated.json()[0] as Json).count, (simulated.json()[0] as Json).ng], [40, 10])
    const events = first.json() as Json[]
    assert.deepEqual(
      events.map(({ kind }) => kind).filter((kind) => kind === 'started' || kind === 'epoch' || kind === 'trained'),
      ['started', 'epoch', 'trained'],
    )
    const trained = events.at(-1)!
    assert.ok((await stat(path('trained', 'curves.png'))).size > 1000)

    const again = await train()
    assert.equal(again.code, 0, again.stderr)
    const kinds = (again.json() as Json[]).map(({ kind }) => kind)
    assert.ok(kinds.includes('resumed') && !kinds.includes('epoch'), `${kinds}`)
    assert.equal((again.json().at(-1) as Json).sha256, trained.sha256)

    const evaluate = ['evaluate', 'model', '--model', path('trained'), '--data', path('test.crops')]
    const [json, table] = await Promise.all([runPelletline(...evaluate, '--json'), runPelletline(...evaluate)])
    assert.deepEqual([json.code, table.code], [0, 0], json.stderr + table.stderr)
    const [evaluation] = json.json() as Json[]
    const { okAsOk, okAsNg, ngAsOk, ngAsNg } = evaluation!.confusion as Record<
      'okAsOk' | 'okAsNg' | 'ngAsOk' | 'ngAsNg',
      number
    >
    assert.deepEqual([okAsOk + okAsNg, ngAsOk + ngAsNg], [30, 10])
    assert.match(table.stdout, /^Accuracy +\d\.\d{4} +\d\.\d{4} \.\. \d\.\d{4}$/m)
  })

  it('says which folder holds no crops', async () => {
    const [missing, text] = await Promise.all([
      runPelletline('train', 'student', '--data', path('nowhere'), '--out', path('t2')),
      runPelletline('evaluate', 'model', '--model', path('trained'), '--data', path('line.yaml')),
    ])
    assert.deepEqual([missing.code, text.code], [3, 2])
    assert.match(missing.stderr, /nowhere: there is no such folder or file/)
    assert.match(text.stderr, /line\.yaml is no file of packed crops/)
  })
})
