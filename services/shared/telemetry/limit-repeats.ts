import type { LogFields, Logger } from './logger.ts'

export interface RepeatLimitOptions<About> {
  /** Shortest time between two lines of one kind that are passed on, ms. */
  readonly everyMs: number
  /** Takes a line, how many like it were left out before it, and what it was given with. */
  readonly pass: (line: string, leftOut: number, about: About) => void
}

/** Passes lines on, of those of one kind at most one in a time. */
export interface RepeatLimit<About> {
  add(line: string, about: About): void
  /** Passes on the newest line of each kind of which some were left out. */
  flush(): void
}

interface Kind<About> {
  leftOut: number
  newest: readonly [line: string, about: About]
  readonly timer: NodeJS.Timeout
}

/** Kinds of lines that are told apart at once; all that come beyond are one kind. */
const maxKinds = 100

/** Lines that differ by numbers alone, which are no part of a name (`line-2`) or an address, are of one kind. */
function kindOf(line: string): string {
  return line.slice(0, 500).replace(/(?<![\w.:-])\d+\b(?!\.\d)/g, '#')
}

/**
 * Creates a limit of repeats: a line is passed on where none of its kind was for `everyMs`. Of those that come before that time is
 * over the newest is passed on at its end, with the number of the others; the wait holds no process open.
 */
export function createRepeatLimit<About = void>({ everyMs, pass }: RepeatLimitOptions<About>): RepeatLimit<About> {
  const kinds = new Map<string, Kind<About>>()
  const begin = (key: string, newest: Kind<About>['newest']) => {
    kinds.set(key, { leftOut: 0, newest, timer: setTimeout(end, everyMs, key).unref() })
  }
  /** Forgets a kind; true where something of it was told. */
  const tell = (key: string): boolean => {
    const kind = kinds.get(key)
    if (kind === undefined) return false
    kinds.delete(key)
    clearTimeout(kind.timer)
    // The line itself is told, so it is not among those left out.
    if (kind.leftOut > 0) pass(kind.newest[0], kind.leftOut - 1, kind.newest[1])
    return kind.leftOut > 0
  }
  const end = (key: string) => {
    const newest = kinds.get(key)?.newest
    if (tell(key) && newest !== undefined) begin(key, newest)
  }
  return {
    add(line, about) {
      const own = kindOf(line)
      const key = kinds.has(own) || kinds.size < maxKinds ? own : ''
      const kind = kinds.get(key)
      if (kind === undefined) {
        pass(line, 0, about)
        begin(key, [line, about])
        return
      }
      kind.leftOut += 1
      kind.newest = [line, about]
    },
    flush() {
      for (const key of [...kinds.keys()]) tell(key)
    },
  }
}

/** Shortest time between two warnings of one kind, ms: a database that is full has hundreds a second. */
const warningEveryMs = 5_000

/** A limit of warnings, each with its fields; what was left out before one is told in its field `leftOut`. */
export function limitWarnings(logger: Logger): RepeatLimit<LogFields> {
  return createRepeatLimit<LogFields>({
    everyMs: warningEveryMs,
    pass: (line, leftOut, fields) => logger.warn(leftOut === 0 ? fields : { ...fields, leftOut }, line),
  })
}
