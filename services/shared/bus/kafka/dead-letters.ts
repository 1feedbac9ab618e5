import { PelletlineError } from '../../errors/pelletline-error.ts'
import { deadLetterTopic, headerNames } from '../topics.ts'
import type { BrokerAdmin, StoredRecord } from './broker-admin.ts'
import { isTooLarge } from './broker-error.ts'

/** A message that no handler could take, without its value: the topic keeps more of these than a process has memory. */
export interface DeadLetter {
  readonly record: Omit<StoredRecord, 'value'>
  /** Size of the value, bytes. */
  readonly valueBytes: number
  /** `CODE: what is wrong`. */
  readonly reason: string
  readonly originTopic: string
  readonly originPartition: number
  readonly originOffset: bigint
  /** How often the message has come back from the dead letters already. */
  readonly replays: number
  /** Whether this letter has been sent again. */
  readonly replayed: boolean
}

export interface LetterFilter {
  /** Topic from which the message came. */
  readonly topic?: string
  /** Text that the reason contains, in upper or lower case. */
  readonly reason?: string
}

/** A message that has failed so often after being sent again is left alone. */
export const maxReplays = 3

function number(text: string | undefined): number {
  return /^\d+$/.test(text ?? '') ? Number(text) : 0
}

function toLetter({ value, ...record }: StoredRecord): Omit<DeadLetter, 'replayed'> {
  const { headers } = record
  return {
    record,
    valueBytes: value.byteLength,
    reason: headers[headerNames.deadLetterReason] ?? 'unknown',
    originTopic: headers[headerNames.originTopic] ?? 'unknown',
    originPartition: number(headers[headerNames.originPartition]),
    originOffset: BigInt(number(headers[headerNames.originOffset])),
    replays: number(headers[headerNames.replays]),
  }
}

/**
 * Letters that are kept, oldest first. Only what `replay` wrote beside them says that one was sent again: the topic itself
 * is the memory, whoever asks.
 */
export async function readDeadLetters(admin: BrokerAdmin, filter: LetterFilter = {}): Promise<readonly DeadLetter[]> {
  const letters: Omit<DeadLetter, 'replayed'>[] = []
  const replayed = new Set<string>()
  const wanted = filter.reason?.toLowerCase()
  for (const [partition, { start, end }] of await admin.ranges(deadLetterTopic)) {
    for await (const record of admin.readPartition({ topic: deadLetterTopic, partition, from: start, to: end })) {
      const marked = record.headers[headerNames.replayedLetter]
      if (marked !== undefined) {
        replayed.add(positionOf(marked))
        continue
      }
      const letter = toLetter(record)
      if (filter.topic !== undefined && filter.topic !== letter.originTopic) continue
      if (wanted === undefined || letter.reason.toLowerCase().includes(wanted)) letters.push(letter)
    }
  }
  return letters.map((letter) => ({ ...letter, replayed: replayed.has(formatPosition(letter.record)) }))
}

/** Where a letter stands, as the mark of its replay names it. */
function formatPosition({ partition, offset }: Pick<StoredRecord, 'partition' | 'offset'>): string {
  return `${partition}/${offset}`
}

/** Older marks name the offset alone: the topic of dead letters is made with one partition. */
function positionOf(mark: string): string {
  return mark.includes('/') ? mark : `0/${mark}`
}

/** What became of one letter. */
export type ReplayOutcome =
  | 'sent'
  | 'sent-before'
  | 'failed-too-often'
  | 'value-dropped'
  | 'no-topic'
  | 'too-large'
  | 'no-longer-kept'

/** A letter, and what became of it. */
export interface ReplayedLetter {
  readonly letter: DeadLetter
  readonly outcome: ReplayOutcome
}

const lettersOwnHeaders: ReadonlySet<string> = new Set([
  headerNames.deadLetterReason,
  headerNames.originTopic,
  headerNames.originPartition,
  headerNames.originOffset,
])

/**
 * Sends the letters' messages to their topics again, with the header that counts it, and notes in the dead letters that this
 * was done. A message whose handling fails again becomes another letter, up to `maxReplays` times. The letters that are left
 * alone come first; the values of the others are read again, so that one answer of the broker at a time is in memory. A letter that
 * its topic refuses for its size stays, and the others go on; any other failure of a send rejects, with what came before it yielded.
 */
export async function* replayDeadLetters(
  admin: BrokerAdmin,
  filter: LetterFilter = {},
): AsyncGenerator<ReplayedLetter> {
  const waiting = new Map<number, Map<bigint, DeadLetter>>()
  for (const letter of await readDeadLetters(admin, filter)) {
    const outcome = whyLeftAlone(letter)
    if (outcome !== undefined) {
      yield { letter, outcome }
      continue
    }
    const { partition, offset } = letter.record
    const those = waiting.get(partition) ?? new Map<bigint, DeadLetter>()
    waiting.set(partition, those.set(offset, letter))
  }
  const ranges = await admin.ranges(deadLetterTopic)
  const topicsThere = new Map<string, boolean>()
  const isThere = async (topic: string): Promise<boolean> => {
    const known = topicsThere.get(topic) ?? (await admin.hasTopic(topic))
    topicsThere.set(topic, known)
    return known
  }
  for (const [partition, letters] of waiting) {
    const offsets = [...letters.keys()]
    const [first, last] = [offsets[0]!, offsets.at(-1)!]
    const start = ranges.get(partition)?.start ?? last + 1n
    const from = first < start ? start : first
    for await (const record of admin.readPartition({ topic: deadLetterTopic, partition, from, to: last + 1n })) {
      const letter = letters.get(record.offset)
      if (letter === undefined) continue
      letters.delete(record.offset)
      if (!(await isThere(letter.originTopic))) {
        yield { letter, outcome: 'no-topic' }
        continue
      }
      yield { letter, outcome: await sendAgain(admin, letter, record.value) }
    }
    // Their time ran out between the two readings.
    for (const letter of letters.values()) yield { letter, outcome: 'no-longer-kept' }
  }
}

/** Why a letter is not sent again; undefined where it is. */
function whyLeftAlone({ record, replays, replayed }: DeadLetter): ReplayOutcome | undefined {
  if (replayed) return 'sent-before'
  if (replays >= maxReplays) return 'failed-too-often'
  return record.headers[headerNames.valueDropped] === undefined ? undefined : 'value-dropped'
}

async function sendAgain(admin: BrokerAdmin, letter: DeadLetter, value: Uint8Array): Promise<'sent' | 'too-large'> {
  const { record, originTopic, replays } = letter
  const headers = Object.fromEntries(Object.entries(record.headers).filter(([name]) => !lettersOwnHeaders.has(name)))
  headers[headerNames.replays] = String(replays + 1)
  try {
    await admin.send(originTopic, [{ key: record.key, value, headers }])
  } catch (thrown) {
    if (isTooLarge(PelletlineError.from(thrown))) return 'too-large'
    throw thrown
  }
  const mark = { [headerNames.replayedLetter]: formatPosition(record) }
  await admin.send(deadLetterTopic, [{ key: record.key, value: new Uint8Array(0), headers: mark }])
  return 'sent'
}
