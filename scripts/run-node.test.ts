import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const module = fileURLToPath(new URL('./run-node.mjs', import.meta.url))

/** Says how many interrupts reach it within half a second of the first. */
const child = `let count = 0
process.on('SIGINT', () => {
  if (count++ === 0) setTimeout(() => process.exit(count), 500)
})
setInterval(() => undefined, 1000)
console.log('listening')`
const parent = `import { runNode } from ${JSON.stringify(module)}
process.exitCode = await runNode(process.execPath, ['--eval', ${JSON.stringify(child)}])`

/** Runs a command in a terminal of its own, with nothing on standard input, and types Ctrl-C once it listens. */
const typeInterrupt = `import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(os.open('/dev/null', os.O_RDONLY), 0)
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
while b'listening' not in seen:
    seen += os.read(terminal, 1024)
os.write(terminal, b'\\x03')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`

describe('runNode', () => {
  it('lets one Ctrl-C reach the program once, also where its standard input is no terminal', () => {
    const args = ['-c', typeInterrupt, process.execPath, '--input-type=module', '--eval', parent]
    const { status, stderr } = spawnSync('python3', args, { encoding: 'utf8', timeout: 30_000 })
    assert.equal(status, 1, stderr)
  })

  it('passes an interrupt on where no terminal does', () => {
    const interrupted = `${parent.replace('process.exitCode = await', 'const ended =')}
setTimeout(() => process.kill(process.pid, 'SIGINT'), 1000)
process.exitCode = await ended`
    const args = [process.execPath, '--input-type=module', '--eval', interrupted]
    const { status, stderr } = spawnSync('setsid', ['--wait', ...args], { encoding: 'utf8', timeout: 30_000 })
    assert.equal(status, 1, stderr)
  })
})
