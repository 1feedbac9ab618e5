import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runCliInside } from '../support/run-cli-inside.ts'
import { type SignedPlant, startSignedPlant } from '../support/signed-plant.ts'

/** Columns that do not depend on the weights, the machine and the hour. */
const comparable = ['Model', 'State', 'Role', 'Action', 'From', 'To', 'Detail', 'Why']

/** What a command printed: its sentences, and its table by the names of the columns. */
function readOutput(output: string): { readonly sentences: string[]; readonly rows: Record<string, string>[] } {
  const lines = output.trimEnd().split('\n')
  const rule = lines.findIndex((line) => /^-[- ]*$/.test(line))
  if (rule < 0) return { sentences: lines, rows: [] }
  const columns = [...lines[rule]!.matchAll(/-+/g)].map(
    ({ index, 0: dashes }) => [index, index + dashes.length] as const,
  )
  const cells = (line: string) => columns.map(([from, to]) => line.slice(from, to).trim())
  const names = cells(lines[rule - 1]!)
  const body = lines.slice(rule + 1)
  const end = body.findIndex((line) => /\.$/.test(line))
  const rows = (end < 0 ? body : body.slice(0, end)).map((line) =>
    Object.fromEntries(
      cells(line)
        .map((cell, i): [string, string] => [names[i]!, cell])
        .filter(([name]) => comparable.includes(name)),
    ),
  )
  return { sentences: end < 0 ? [] : body.slice(end), rows }
}

describe('docs/models.md', () => {
  let signed: SignedPlant

  before(async () => {
    signed = await startSignedPlant(['student-1', 'student-3-int8'])
  })
  after(() => signed?.stop())

  it('shows what the commands print, but for times, counts and what depends on the weights', async () => {
    const guide = await readFile(join(import.meta.dirname, '../../docs/models.md'), 'utf8')
    const [, transcript = ''] = /```console\n(\$ npx pelletline models list\n.*?)```/s.exec(guide)!
    const steps = transcript.split(/^\$ npx pelletline /m).slice(1)
    assert.ok(steps.length >= 9)
    const rows = steps.map((step) => readOutput(step).rows.length)
    assert.deepEqual(
      rows.filter((count) => count > 0),
      [2, 2, 5],
    )
    for (const step of steps) {
      const [command = '', ...shown] = step.split('\n')
      const run = await runCliInside(...command.split(' '), '--address', signed.plant.address)
      assert.equal(run.code, 0, run.stderr)
      assert.deepEqual(readOutput(run.stdout), readOutput(shown.join('\n')), command)
    }
  })
})
