import process from 'node:process'

/**
 * Ends the process with an exit code and without a wait for its threads, however long their native calls take. No signal to itself can do
 * that: a signal has no exit code, and the first process of a container ignores it. A fresh program takes the place of this one, which
 * ends all threads, and leaves with the code; where the system cannot do so the process is killed. Nothing that waits to be written or to
 * be run at the exit is waited for.
 */
export function leaveAtOnce(code: number): void {
  const { execPath } = process
  try {
    process.execve?.(execPath, [execPath, '--eval', `process.exit(${code})`], {})
  } catch {
    // Not on this system.
  }
  process.kill(process.pid, 'SIGKILL')
}
