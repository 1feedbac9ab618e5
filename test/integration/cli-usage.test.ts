import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runPelletline } from '../support/run-pelletline.ts'

describe('pelletline usage', () => {
  it('suggests the near command and the near option, and ends with 2', async () => {
    const [command, option, value] = await Promise.all([
      runPelletline('inspct', 'x.png'),
      runPelletline('inspect', 'x.png', '--pelet-diameter', '30'),
      runPelletline('inspect', 'x.png', '--roi', '1,2,3'),
    ])
    assert.deepEqual([command.code, option.code, value.code], [2, 2, 2])
    assert.match(command.stderr, /^pelletline: unknown command 'inspct'\n\(Did you mean inspect\?\)/)
    assert.match(option.stderr, /unknown option '--pelet-diameter'\n\(Did you mean --pellet-diameter\?\)/)
    assert.match(value.stderr, /--roi.*'1,2,3' is invalid\. Four whole numbers X,Y,W,H are needed/)
    assert.equal(command.stdout + option.stdout + value.stdout, '')
  })

  it('explains every command with an example', async () => {
    const top = await runPelletline('--help')
    assert.equal(top.code, 0)
    const names = [...top.stdout.matchAll(/^ {2}([a-z]+)(?: \[| {2})/gm)].map((match) => match[1]!)
    for (const name of ['inspect', 'evaluate', 'simulate', 'train', 'up', 'serve', 'lots', 'results', 'alerts']) {
      assert.ok(names.includes(name), `${name} is not in the help: ${names}`)
    }
    const leaves = [['inspect'], ['up'], ['serve'], ['results'], ['simulate'], ['lots', 'open'], ['evaluate', 'model']]
    const helps = await Promise.all(leaves.map((leaf) => runPelletline(...leaf, '--help')))
    for (const [at, help] of helps.entries()) {
      assert.equal(help.code, 0)
      assert.match(help.stdout, /Examples?:\n {2}np[mx] /, leaves[at]!.join(' '))
    }
  })

  it('refuses options of a plant across processes where all runs in one', async () => {
    const [cameras, intake] = await Promise.all([
      runPelletline('up', '--cameras', '127.0.0.1:0'),
      runPelletline('up', '--intake', 'together'),
    ])
    assert.deepEqual([cameras.code, intake.code], [2, 2])
    assert.match(cameras.stderr, /--cameras belongs to --bus kafka/)
    assert.match(intake.stderr, /--intake belongs to --bus kafka/)
  })

  it('says that no plant runs and how one is started', async () => {
    const run = await runPelletline('lots', 'list', '--address', '127.0.0.1:1')
    assert.equal(run.code, 1)
    assert.match(run.stderr, /No plant answers at 127\.0\.0\.1:1\. .*npm start/)
    assert.equal(run.stdout, '')
  })

  it('prints the version', async () => {
    const run = await runPelletline('--version')
    assert.deepEqual([run.code, run.stdout], [0, '0.1.0\n'])
  })
})
