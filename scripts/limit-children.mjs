// Ends child processes that live too long. `--test-timeout` limits tests, not the process of a test file: one that does not
// end after its tests keeps a test run waiting for ever.
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'

/** Children of `parent` now, with their command lines. Empty on systems without /proc. */
function listChildren(parent) {
  const children = new Map()
  let names
  try {
    names = readdirSync('/proc')
  } catch {
    return children
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      // The name of the program, in parentheses, may hold anything; state and parent follow it.
      const [, itsParent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(itsParent) !== parent) continue
      children.set(Number(name), readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').filter(Boolean))
    } catch {
      // It has ended meanwhile.
    }
  }
  return children
}

/**
 * Kills every child of the process `parent` that is seen for longer than `limitMs`, after `onKill(command line)`. The returned
 * function ends the watch, which holds no process open.
 */
export function limitChildren(parent, limitMs, onKill) {
  const seenSince = new Map()
  const look = () => {
    const children = listChildren(parent)
    for (const pid of seenSince.keys()) if (!children.has(pid)) seenSince.delete(pid)
    for (const [pid, args] of children) {
      const since = seenSince.get(pid) ?? performance.now()
      seenSince.set(pid, since)
      if (performance.now() - since < limitMs) continue
      onKill(args)
      try {
        process.kill(pid, 'SIGKILL')
      } catch (reason) {
        if (reason.code !== 'ESRCH') throw reason
      }
    }
  }
  const timer = setInterval(look, Math.min(5_000, limitMs / 4))
  timer.unref()
  return () => clearInterval(timer)
}
