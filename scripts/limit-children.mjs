// Ends child processes that live too long. `--test-timeout` limits tests, not the process of a test file: one that does not
// end after its tests keeps a test run waiting for ever.
import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'

/** Parents of the processes that run now, by process. Empty on systems without /proc. */
function readParents() {
  const parents = new Map()
  let names
  try {
    names = readdirSync('/proc')
  } catch {
    return parents
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      // The name of the program, in parentheses, may hold anything; state and parent follow it.
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      parents.set(Number(name), Number(parent))
    } catch {
      // It has ended meanwhile.
    }
  }
  return parents
}

function listChildren(parents, parent) {
  return [...parents].filter(([, itsParent]) => itsParent === parent).map(([pid]) => pid)
}

/** A process and all below it. */
function listTree(parents, pid) {
  return [pid, ...listChildren(parents, pid).flatMap((child) => listTree(parents, child))]
}

function readCommandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
  } catch {
    return []
  }
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (reason) {
    if (reason.code !== 'ESRCH') throw reason
  }
}

/**
 * Kills every child of the process `parent` that is seen for longer than `limitMs`, after `onKill(command line)`, with all that it
 * has started: what holds its output open would keep the parent waiting. The returned function ends the watch, which holds no
 * process open.
 */
export function limitChildren(parent, limitMs, onKill) {
  const seenSince = new Map()
  const look = () => {
    const parents = readParents()
    const children = listChildren(parents, parent)
    for (const pid of seenSince.keys()) if (!children.includes(pid)) seenSince.delete(pid)
    for (const pid of children) {
      const since = seenSince.get(pid) ?? performance.now()
      seenSince.set(pid, since)
      if (performance.now() - since < limitMs) continue
      onKill(readCommandLine(pid))
      for (const one of listTree(parents, pid)) kill(one)
    }
  }
  const timer = setInterval(look, Math.min(5_000, limitMs / 4))
  timer.unref()
  return () => clearInterval(timer)
}
