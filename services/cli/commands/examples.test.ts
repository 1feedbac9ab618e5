import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Command } from 'commander'
import type { CliContext } from '../cli-context.ts'
import { createProgram } from '../create-program.ts'

const root = join(import.meta.dirname, '../../..')
const unused: CliContext = {
  terminal: () => assert.fail('no command is run'),
  interrupt: () => assert.fail('no command is run'),
  runsService: () => assert.fail('no command is run'),
  setExitCode: () => assert.fail('no command is run'),
}

/** The help of a command and of all below it, examples included, by the command's name. */
function listHelp(command: Command, above = ''): readonly (readonly [string, string])[] {
  const name = `${above}${command.name()}`
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part) })
  command.outputHelp()
  return [[name, text], ...command.commands.flatMap((below) => listHelp(below, `${name} `))]
}

test('files of the project that help and its examples name are there', () => {
  const named = listHelp(createProgram(unused, {})).flatMap(([command, text]) =>
    [...text.matchAll(/(?<![\w/.-])(?:models|docs|charts|k8s|compose)\/[\w./-]*\w/g)].map(([path]) => ({
      command,
      path,
    })),
  )
  assert.ok(named.some(({ path }) => path.startsWith('models/training/')))
  assert.deepEqual(
    named.filter(({ path }) => !existsSync(join(root, path))),
    [],
  )
})
