import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Command } from 'commander'
import type { CliContext } from '../cli-context.ts'
import { addUpCommand } from './up.ts'

it('up refuses a data folder beside --ephemeral, which uses none', async () => {
  let said = ''
  const program = new Command().exitOverride()
  addUpCommand(program, {} as CliContext)
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: (text) => (said += text) })
  await assert.rejects(program.parseAsync(['up', '--ephemeral', '--data-dir', 'd'], { from: 'user' }))
  assert.match(said, /'--ephemeral' cannot be used with option '--data-dir <dir>'/)
})
