/** What a program wrote last, without the frames of its stack traces. */
export interface LastWords {
  /** Takes one line of its output. */
  add(line: string): void
  /** The lines that are kept, one below the other; empty where there are none. */
  readonly text: string
}

/** Lines that are kept, and characters of each. */
const keptLines = 20
const keptCharacters = 500

// `	at kafka.Kafka.main(Kafka.scala)` and `	... 12 more` of Java: a trace of them would leave no line for the message above it.
const stackFrame = /^\s+(at |\.\.\. \d+ (more|common frames))/

/** Keeps the last 20 lines that say something, 500 characters of each at most. */
export function createLastWords(): LastWords {
  const lines: string[] = []
  return {
    add(line) {
      if (line.trim() === '' || stackFrame.test(line)) return
      lines.push(line.trimEnd().slice(0, keptCharacters))
      if (lines.length > keptLines) lines.shift()
    },
    get text() {
      return lines.join('\n')
    },
  }
}
