import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks of the kernel's process times per second, the same on every Linux that Node runs on (USER_HZ). */
const ticksPerSecond = 100

interface ProcessTimes {
  readonly parent: number
  /** User and system time, s. */
  readonly seconds: number
}

function readTimes(pid: string): ProcessTimes | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond }
  } catch {
    return undefined
  }
}

/** A process and all that it started. */
export interface ProcessTree {
  readonly pids: readonly number[]
  /** User and system time of those that run, s. */
  readonly cpuSeconds: number
  /** Resident memory, pages that several share counted in each, bytes. */
  readonly residentBytes: number
}

/** Looks once at the tree below `root` (proc(5)); empty where it has ended. */
export function readProcessTree(root: number): ProcessTree {
  const all = readAllTimes()
  const pids = [...all.keys()].filter((pid) => {
    let at: number | undefined = pid
    while (at !== undefined && at !== root) at = all.get(at)?.parent
    return at === root && all.has(pid)
  })
  return {
    pids,
    cpuSeconds: pids.reduce((sum, pid) => sum + all.get(pid)!.seconds, 0),
    residentBytes: pids.reduce((sum, pid) => sum + readResidentBytes(pid), 0),
  }
}

/** Resident memory of a process, bytes; 0 where it has ended (proc(5)). */
export function readResidentBytes(pid: number): number {
  try {
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/**
 * Memory that a process takes from the machine, bytes: its own pages, and of pages that several share its part of them. Files that are
 * mapped do not count: the machine takes their pages back when it needs them. 0 where it has ended (proc(5), smaps_rollup).
 */
export function readTakenBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return [...text.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+) kB$/gm)].reduce((sum, [, kb]) => sum + 1024 * Number(kb), 0)
  } catch {
    return 0
  }
}

/** Times of every process that runs. */
function readAllTimes(): Map<number, ProcessTimes> {
  const times = new Map<number, ProcessTimes>()
  for (const entry of readdirSync('/proc')) {
    const found = /^\d+$/.test(entry) ? readTimes(entry) : undefined
    if (found !== undefined) times.set(Number(entry), found)
  }
  return times
}

/** A process and the user and system time that it has used, s. */
export interface RunningProcess {
  readonly pid: number
  readonly seconds: number
}

/** Processes that run, by the nearest named one that they were started by, itself included. */
export function attributeProcesses(roots: Readonly<Record<string, number | null>>): Map<string, RunningProcess[]> {
  const names = new Map(Object.entries(roots).flatMap(([name, pid]) => (pid === null ? [] : [[pid, name] as const])))
  const times = readAllTimes()
  const found = new Map<string, RunningProcess[]>()
  for (const [pid, { seconds }] of times) {
    let at: number | undefined = pid
    while (at !== undefined && !names.has(at)) at = times.get(at)?.parent
    const name = at === undefined ? undefined : names.get(at)
    if (name !== undefined) found.set(name, [...(found.get(name) ?? []), { pid, seconds }])
  }
  return found
}

/** Follows the processor time of named processes and of what they start, by looking again and again. */
export interface CpuWatch {
  /** Looks once: each process as the root of those below it, up to the next named one. */
  look(roots: Readonly<Record<string, number | null>>): void
  /** Seconds that each has used, as last seen; of processes that followed each other under a name the sum. */
  seconds(): Readonly<Record<string, number>>
}

/** Creates the watch (proc(5)). */
export function createCpuWatch(): CpuWatch {
  /** By name and process. */
  const seen = new Map<string, Map<number, number>>()
  return {
    look(roots) {
      for (const [name, processes] of attributeProcesses(roots)) {
        const known = seen.get(name) ?? new Map<number, number>()
        for (const { pid, seconds } of processes) known.set(pid, seconds)
        seen.set(name, known)
      }
    },
    seconds: () =>
      Object.fromEntries(
        [...seen].map(([name, processes]) => [name, [...processes.values()].reduce((sum, value) => sum + value, 0)]),
      ),
  }
}
