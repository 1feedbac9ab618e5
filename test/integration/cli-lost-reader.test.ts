import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../services/cli/main.ts', import.meta.url))

/** Starts a plant that keeps nothing, and resolves once it takes work. */
async function startPlant() {
  const child = spawn(process.execPath, [program, 'up', '--json', '--ephemeral', '--port', '0', '--speed', '0.2'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text
      // The first line of the table: product is in the plant.
      if (/line-1, rows/.test(errors)) resolve()
    })
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${errors}`)))
  })
  await ready
  return child
}

describe('a plant that loses those who watch it', { timeout: 120_000 }, () => {
  it('drains and reports its lot where its remarks have no reader any more', async () => {
    const child = await startPlant()
    child.stderr.destroy()
    let report = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      report += text
    })
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    assert.equal(JSON.parse(report).reconciliation.balanced, true)
  })

  it('drains and reports its lot where its terminal is closed', async () => {
    const child = await startPlant()
    let report = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      report += text
    })
    child.kill('SIGHUP')
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    assert.equal(JSON.parse(report).reconciliation.balanced, true)
  })
})
