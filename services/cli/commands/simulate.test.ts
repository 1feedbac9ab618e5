import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Command, CommanderError } from 'commander'
import type { CliContext } from '../cli-context.ts'
import { addSimulateCommand } from './simulate.ts'

/** What commander says of the options; undefined where it would run them. */
async function refusalOf(...args: string[]): Promise<string | undefined> {
  let said = ''
  const program = new Command().exitOverride().configureOutput({ writeErr: (text) => (said += text) })
  const context = {
    terminal: () => {
      throw new Error('run')
    },
  } as unknown as CliContext
  addSimulateCommand(program, context)
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: (text) => (said += text) })
  try {
    await program.parseAsync(['simulate', ...args], { from: 'user' })
  } catch (reason) {
    if (!(reason instanceof CommanderError)) return undefined
  }
  return said
}

describe('simulate', () => {
  it('refuses options of recordings for crops, and options of crops for recordings', async () => {
    const recording = [
      ['--seconds', '1'],
      ['--prevalence', '0.001'],
      ['--line-width', '512'],
      ['--rate', '2000'],
      ['--preset', 'wide'],
      ['--coding', 'raw'],
      ['--fault', 'product-darkens@5s'],
      ['--config', 'line.yaml'],
    ]
    for (const option of recording) {
      const said = await refusalOf('--crops', 'f', '--count', '9', ...option)
      assert.match(said ?? '', new RegExp(`${option[0]}.*cannot be used with option '--crops`), `${option}`)
      assert.equal(await refusalOf('--out', 'f', ...option), undefined)
    }
    const crops = [
      ['--count', '9'],
      ['--ng-share', '0.1'],
      ['--sub-size-share', '0.1'],
      ['--variety', 'wide'],
    ]
    for (const option of crops) {
      const said = await refusalOf('--out', 'f', '--seconds', '1', ...option)
      assert.match(said ?? '', new RegExp(`${option[0]}.*cannot be used with option '--out`), `${option}`)
      assert.equal(await refusalOf('--crops', 'f', ...option), undefined)
    }
  })

  it('refuses for a reference what shows on product only', async () => {
    for (const option of [
      ['--fault', 'product-darkens@5s'],
      ['--coding', 'raw'],
      ['--prevalence', '0.1'],
    ]) {
      const said = await refusalOf('--out', 'f', '--seconds', '1', '--reference', 'dark', ...option)
      assert.match(said ?? '', /cannot be used with option/, `${option}`)
    }
    assert.equal(await refusalOf('--out', 'f', '--seconds', '1', '--reference', 'dark', '--rate', '2000'), undefined)
  })
})
