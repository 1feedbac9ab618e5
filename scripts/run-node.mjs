// Runs a program of this repository on the pinned Node and ends as it ended.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
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
 * Whether this process is in the foreground of a terminal, which then delivers Ctrl-C to it and to its children: its group is
 * the one that the terminal names. Its standard input says nothing of that (`</dev/null`).
 */
function isInForeground() {
  let stat
  try {
    stat = readFileSync('/proc/self/stat', 'utf8')
  } catch {
    // No /proc on this system.
    return process.stdin.isTTY === true
  }
  // The name of the program, in parentheses, may hold anything; state and parent follow it.
  const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return terminal !== '0' && group === foreground
}

/**
 * Spawns `node args`, passes signals on, and resolves with the exit status (128 + n where signal n ended it).
 * A terminal delivers Ctrl-C to its whole foreground group; SIGINT is then only kept from ending the parent first. Whoever
 * else tells a whole group cannot be known from here (`kill -INT %1`): programs take an interrupt that comes twice at once for one.
 * `options` are those of `spawn`, and `onStart(pid)`.
 */
export function runNode(node, args, { onStart, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { stdio: 'inherit', env: childEnvironment(node), ...options })
    if (child.pid !== undefined) onStart?.(child.pid)
    const forward = (signal) => child.kill(signal)
    process.on('SIGTERM', forward)
    process.on('SIGHUP', forward)
    process.on('SIGINT', (signal) => {
      if (!isInForeground()) forward(signal)
    })
    child.on('error', (error) => {
      process.stderr.write(`pelletline: cannot start ${node}: ${error.message}\n`)
      resolve(1)
    })
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}
