import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { describe, it } from 'node:test'

/** Asks a server for its health, and is interrupted twice once the command waits for the answer. */
const program = `const { runCli } = await import(${JSON.stringify(new URL('./run-cli.ts', import.meta.url).href)})
process.once('message', () => {
  process.disconnect()
  for (let time = 1; time <= 2; time++) process.emit('SIGINT', 'SIGINT')
})
process.exit(await runCli({ args: process.argv.slice(1), stdout: process.stdout, stderr: process.stderr }))`

describe('runCli', () => {
  it('takes an interrupt that comes twice at once, from its group and from its launcher, for one', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program, 'health', address], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const errors = buffer(child.stderr!)
    const exited = once(child, 'exit')
    const [socket] = await once(silent, 'connection')
    child.send('interrupt')
    const [code, signal] = await exited
    socket.destroy()
    silent.close()
    assert.deepEqual([code, signal, String(await errors)], [130, null, 'pelletline: interrupted.\n'])
  })
})
