import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Command } from 'commander'
import { addDataOptions } from './data-options.ts'
import { refuseUnused } from './refuse-unused.ts'
import { addSimulationOptions } from './simulation-options.ts'

function refuse(data: string, ...args: string[]): void {
  const command = addSimulationOptions(addDataOptions(new Command()))
  command.parse(args, { from: 'user' })
  refuseUnused(command, data)
}

describe('refuseUnused', () => {
  it('refuses options of simulated crops where crops are given, each by its name', () => {
    assert.throws(() => refuse('crops/', '--count', '1000', '--ng-share', '0.1'), {
      code: 'invalid_argument',
      message:
        '--count, --ng-share are for simulated crops, and those of crops/ are taken as they are; leave them out, or give --data simulated.',
    })
    for (const option of [
      ['--test-count', '100'],
      ['--sub-size-share', '0'],
      ['--variety', 'mixed'],
    ]) {
      assert.throws(() => refuse('crops/', ...option), new RegExp(`${option[0]} is for simulated crops`))
    }
  })

  it('refuses options of reading where crops are simulated', () => {
    assert.throws(
      () => refuse('simulated', '--strict', '--other-sizes', 'refuse'),
      /^PelletlineError: --strict, --other/,
    )
    assert.throws(() => refuse('simulated', '--group-column', 'lot'), /--group-column is for crops that are read/)
  })

  it('lets pass what is used, and defaults', () => {
    refuse('crops/', '--strict', '--group-pattern', '^(P)')
    refuse('simulated', '--count', '1000', '--variety', 'all')
    refuse('crops/')
    refuse('simulated')
  })
})
