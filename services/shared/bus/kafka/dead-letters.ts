import { PelletlineError } from '../../errors/pelletline-error.ts'
import { deadLetterTopic, headerNames } from '../topics.ts'
import type { BrokerAdmin, StoredRecord } from './broker-admin.ts'

/** A message that no handler could take. */
export interface DeadLetter {
  readonly record: StoredRecord
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

function toLetter(record: StoredRecord, replayed: ReadonlySet<string>): DeadLetter {
  const { headers, offset } = record
  return {
    record,
    reason: headers[headerNames.deadLetterReason] ?? 'unknown',
    originTopic: headers[headerNames.originTopic] ?? 'unknown',
    originPartition: number(headers[headerNames.originPartition]),
    originOffset: BigInt(number(headers[headerNames.originOffset])),
    replays: number(headers[headerNames.replays]),
    replayed: replayed.has(String(offset)),
  }
}

/**
 * Letters that are kept, oldest first. Only what `replay` wrote beside them says that one was sent again: the topic itself
 * is the memory, whoever asks.
 */
export async function readDeadLetters(admin: BrokerAdmin, filter: LetterFilter = {}): Promise<readonly DeadLetter[]> {
  const records: StoredRecord[] = []
  const replayed = new Set<string>()
  const wanted = filter.reason?.toLowerCase()
  for (const [partition, { start, end }] of await admin.ranges(deadLetterTopic)) {
    for await (const record of admin.readPartition({ topic: deadLetterTopic, partition, from: start, to: end })) {
      const marked = record.headers[headerNames.replayedLetter]
      if (marked !== undefined) replayed.add(marked)
      else records.push(record)
    }
  }
  return records
    .map((record) => toLetter(record, replayed))
    .filter(({ originTopic }) => filter.topic === undefined || filter.topic === originTopic)
    .filter(({ reason }) => wanted === undefined || reason.toLowerCase().includes(wanted))
}

/** What became of one letter. */
export type ReplayOutcome = 'sent' | 'sent-before' | 'failed-too-often' | 'value-dropped' | 'no-topic'

const lettersOwnHeaders: ReadonlySet<string> = new Set([
  headerNames.deadLetterReason,
  headerNames.originTopic,
  headerNames.originPartition,
  headerNames.originOffset,
])

/**
 * Sends a letter's message to its topic again, with the header that counts it, and notes in the dead letters that this
 * was done. A message whose handling fails again becomes another letter, up to `maxReplays` times.
 */
export async function replayLetter(admin: BrokerAdmin, letter: DeadLetter): Promise<ReplayOutcome> {
  const { record, originTopic, replays, replayed } = letter
  if (replayed) return 'sent-before'
  if (replays >= maxReplays) return 'failed-too-often'
  if (record.headers[headerNames.valueDropped] !== undefined) return 'value-dropped'
  const headers = Object.fromEntries(Object.entries(record.headers).filter(([name]) => !lettersOwnHeaders.has(name)))
  headers[headerNames.replays] = String(replays + 1)
  try {
    await admin.send(originTopic, [{ key: record.key, value: record.value, headers }])
  } catch (thrown) {
    if (thrown instanceof PelletlineError && thrown.code === 'failed_precondition') return 'no-topic'
    throw thrown
  }
  const mark = { [headerNames.replayedLetter]: String(record.offset) }
  await admin.send(deadLetterTopic, [{ key: record.key, value: new Uint8Array(0), headers: mark }])
  return 'sent'
}
