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
      const names = new Map(
        Object.entries(roots).flatMap(([name, pid]) => (pid === null ? [] : [[pid, name] as const])),
      )
      const times = new Map<number, ProcessTimes>()
      for (const entry of readdirSync('/proc')) {
        const found = /^\d+$/.test(entry) ? readTimes(entry) : undefined
        if (found !== undefined) times.set(Number(entry), found)
      }
      for (const [pid, { seconds }] of times) {
        let at: number | undefined = pid
        while (at !== undefined && !names.has(at)) at = times.get(at)?.parent
        const name = at === undefined ? undefined : names.get(at)
        if (name === undefined) continue
        const known = seen.get(name) ?? new Map<number, number>()
        known.set(pid, seconds)
        seen.set(name, known)
      }
    },
    seconds: () =>
      Object.fromEntries(
        [...seen].map(([name, processes]) => [name, [...processes.values()].reduce((sum, value) => sum + value, 0)]),
      ),
  }
}
