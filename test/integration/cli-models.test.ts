import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { runCliInside } from '../support/run-cli-inside.ts'
import { type SignedPlant, startSignedPlant } from '../support/signed-plant.ts'

type Json = Readonly<Record<string, unknown>>

describe('pelletline models', () => {
  let signed: SignedPlant
  const path = (name: string) => signed.path(name)
  const ask = (...args: string[]) => runCliInside('models', ...args, '--address', signed.plant.address)

  before(async () => {
    signed = await startSignedPlant(['one', 'two'], ['three'])
  })
  after(() => signed?.stop())

  it('loads, tries, promotes and rolls back a signed model, and shows each step in the list and the log', async () => {
    const steps = [
      ['load', 'two'],
      ['shadow', 'two', '--share', '0.5'],
      ['canary', 'two', '--share', '0.1', '--by', 'ada'],
      ['promote', 'two', '--why', 'fewer false rejects'],
      ['rollback'],
      ['unload', 'two'],
    ]
    const said: string[] = []
    for (const step of steps) {
      const run = await ask(...step)
      assert.equal(run.code, 0, run.stderr)
      said.push(run.stdout.trim())
      if (step[0] === 'canary') {
        const table = await ask('list')
        assert.match(table.stdout, /^one +[0-9a-f]{12} +ready +live +- +signed by [0-9a-f]{16} +student-1/m)
        assert.match(table.stdout, /^two +[0-9a-f]{12} +ready +canary 10\.0 %/m)
        assert.match(table.stdout, /^three +[0-9a-f-]* +stored .*is not signed/m)
      }
    }
    assert.deepEqual(said, [
      'The configured model judges; two is kept ready.',
      'The configured model judges; two scores in shadow.',
      'The configured model judges; two judges 10.0 % as the canary.',
      'two judges; one is kept ready; a rollback goes to one.',
      'one judges; two is kept ready.',
      'one judges.',
    ])
    const log = (await ask('log', '--json')).json() as Json[]
    assert.deepEqual(log.map(({ action, from, to }) => [action, from, to].join(' ')).reverse(), [
      'load  two',
      'shadow  two',
      'canary  two',
      'promote one two',
      'rollback two one',
      'unload two ',
    ])
    assert.deepEqual([log.at(-3)!['by'], log.at(-2)!['detail']], ['ada', 'share 0.5'])
    assert.match((await ask('log')).stdout, /promote +one +two +- +fewer false rejects/)
  })

  it('says which model is refused and why, what is missing, and which options contradict', async () => {
    const refused = async (code: number, message: RegExp, ...args: string[]) => {
      const run = await ask(...args)
      assert.match(run.stderr, message)
      assert.deepEqual([run.code, run.stdout], [code, ''])
    }
    await refused(1, /three\.onnx is not signed; sign it with `npx pelletline models sign`/, 'promote', 'three')
    await refused(3, /No student has a model four in its store; there are one, three, two/, 'load', 'four')
    await refused(1, /one judges already/, 'promote', 'one')
    await refused(2, /Name a model, or give --off/, 'canary')
    await refused(2, /share is 0 with 0 lines/, 'canary', 'two')
    const alone = await runCliInside('models', 'list', '--address', '127.0.0.1:9')
    assert.match(alone.stderr, /No plant answers at 127\.0\.0\.1:9/)
  })

  it('makes keys that only their owner reads, and verifies a model until a byte of its manifest changes', async () => {
    assert.equal((await stat(path('plant.key'))).mode & 0o777, 0o600)
    const again = await runCliInside('models', 'keygen', path('plant'))
    assert.match(again.stderr, /a key is never overwritten/)
    const verify = () => runCliInside('models', 'verify', path('two.onnx'), '--trust-key', path('plant.pub'))
    assert.match((await verify()).stdout, /signed by [0-9a-f]{16}, and its file is the one/)
    const manifest = path('two.manifest.json')
    const text = await readFile(manifest, 'utf8')
    await writeFile(manifest, text.replace('"threshold":0', '"threshold":1'))
    const forged = await verify()
    await writeFile(manifest, text)
    assert.match(forged.stderr, /signature of .*two\.onnx by key [0-9a-f]{16} does not fit/)
    assert.notEqual(forged.code, 0)
  })
})
