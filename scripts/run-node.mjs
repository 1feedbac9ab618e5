// Runs a program of this repository on the pinned Node and ends as it ended.
import { spawn } from 'node:child_process'
import process from 'node:process'
import { root } from './setup.mjs'

/** Environment for child processes: the pinned Node first on PATH. */
export function childEnvironment(node) {
  return {
    ...process.env,
    PATH: `${node.slice(0, node.lastIndexOf('/'))}:${root}/node_modules/.bin:${process.env.PATH}`,
  }
}

/**
 * Spawns `node args`, passes signals on, and resolves with the exit status (128 + n where signal n ended it).
 * The terminal already delivers Ctrl-C to the whole process group, so SIGINT is only kept from ending the parent first.
 */
export function runNode(node, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { stdio: 'inherit', env: childEnvironment(node), ...options })
    const forward = (signal) => child.kill(signal)
    const hold = () => {}
    process.on('SIGTERM', forward)
    process.on('SIGHUP', forward)
    process.on('SIGINT', process.stdin.isTTY ? hold : forward)
    child.on('error', (error) => {
      process.stderr.write(`pelletline: cannot start ${node}: ${error.message}\n`)
      resolve(1)
    })
    child.on('exit', (code, signal) => {
      resolve(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1))
    })
  })
}
