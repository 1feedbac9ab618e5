import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { deadLetterTopic, headerNames } from '../topics.ts'
import type { BrokerAdmin, StoredRecord } from './broker-admin.ts'
import { brokerError } from './broker-error.ts'
import { readDeadLetters, replayDeadLetters } from './dead-letters.ts'

const valueBytes = 64 * 1024

/** A letter of topic `crops`; its value says which it is. */
function makeLetter(offset: number, reason: string, headers: Readonly<Record<string, string>> = {}): StoredRecord {
  return {
    key: `key-${offset}`,
    value: new Uint8Array(valueBytes).fill(offset),
    headers: { [headerNames.deadLetterReason]: reason, [headerNames.originTopic]: 'crops', ...headers },
    partition: 0,
    offset: BigInt(offset),
    timestampMs: offset,
  }
}

/** A broker with these letters; `sent` notes what is sent to it, `reads` from where it is read. */
function createAdmin(letters: StoredRecord[]) {
  const sent: { readonly topic: string; readonly first: number | undefined }[] = []
  const reads: bigint[] = []
  const of = (partition: number) => letters.filter((letter) => letter.partition === partition)
  const rangeOf = (partition: number) => {
    const [first, last] = [of(partition)[0], of(partition).at(-1)]
    return { start: first?.offset ?? 0n, end: last === undefined ? 0n : last.offset + 1n }
  }
  const admin: Pick<BrokerAdmin, 'ranges' | 'hasTopic' | 'readPartition' | 'send'> = {
    ranges: async () => new Map(letters.map(({ partition }) => [partition, rangeOf(partition)])),
    hasTopic: async (name) => name === 'crops',
    async *readPartition({ partition, from, to }) {
      reads.push(from)
      yield* of(partition).filter(({ offset }) => offset >= from && offset < to)
    },
    async send(topic, messages) {
      for (const { key, value, headers } of messages) {
        sent.push({ topic, first: value[0] })
        if (topic !== deadLetterTopic) continue
        const offset = rangeOf(0).end
        letters.push({ key, value, headers: { ...headers }, partition: 0, offset, timestampMs: 0 })
      }
    },
  }
  return { admin: admin as BrokerAdmin, sent, reads }
}

describe('dead letters', () => {
  it('are listed with the size of their value and without the value', async () => {
    const { admin } = createAdmin([makeLetter(0, 'invalid_argument: bad'), makeLetter(1, 'internal: worse')])
    const letters = await readDeadLetters(admin, { reason: 'WORSE' })
    assert.deepEqual(
      letters.map(({ record, valueBytes: bytes, replayed }) => [record.key, bytes, replayed]),
      [['key-1', valueBytes, false]],
    )
    assert.ok(!letters.some(({ record }) => 'value' in record), 'a value of each would be 4 GiB of a full topic')
  })

  it('are sent again with their own values, each once', async () => {
    const { admin, sent, reads } = createAdmin([
      makeLetter(0, 'internal: other'),
      makeLetter(1, 'invalid_argument: bad'),
      makeLetter(2, 'invalid_argument: bad', { [headerNames.replays]: '3' }),
      makeLetter(3, 'invalid_argument: bad'),
    ])
    const replay = async () => {
      const outcomes: string[] = []
      for await (const { letter, outcome } of replayDeadLetters(admin, { reason: 'bad' })) {
        outcomes.push(`${letter.record.offset} ${outcome}`)
      }
      return outcomes
    }
    assert.deepEqual(await replay(), ['2 failed-too-often', '1 sent', '3 sent'])
    assert.deepEqual(
      sent.filter(({ topic }) => topic === 'crops').map(({ first }) => first),
      [1, 3],
    )
    assert.deepEqual(reads, [0n, 1n], 'values are read again from the first letter that needs its own')
    assert.deepEqual(await replay(), ['1 sent-before', '2 failed-too-often', '3 sent-before'])
    assert.equal(sent.length, 4)
  })

  it('of one partition are sent again, and those at the same offset of another are not taken for sent', async () => {
    const letters = [makeLetter(0, 'invalid_argument: bad'), { ...makeLetter(0, 'internal: worse'), partition: 1 }]
    const { admin } = createAdmin(letters)
    const replay = async (reason?: string) => {
      const outcomes: string[] = []
      for await (const { letter, outcome } of replayDeadLetters(admin, reason === undefined ? {} : { reason })) {
        outcomes.push(`${letter.record.partition}/${letter.record.offset} ${outcome}`)
      }
      return outcomes
    }
    assert.deepEqual(await replay('bad'), ['0/0 sent'])
    assert.deepEqual(await replay(), ['0/0 sent-before', '1/0 sent'])
    assert.deepEqual(await replay(), ['0/0 sent-before', '1/0 sent-before'])
  })

  it('that an older release sent again are known by their offset, which is one of partition 0', async () => {
    const mark = { ...makeLetter(1, ''), headers: { [headerNames.replayedLetter]: '0' } }
    const { admin } = createAdmin([
      makeLetter(0, 'internal: bad'),
      mark,
      { ...makeLetter(0, 'internal: bad'), partition: 1 },
    ])
    const letters = await readDeadLetters(admin)
    assert.deepEqual(
      letters.map(({ record, replayed }) => [record.partition, replayed]),
      [
        [0, true],
        [1, false],
      ],
    )
  })

  it('stay where their topic is not there; a right that is missing is no such topic, and is told', async () => {
    const gone = { [headerNames.originTopic]: 'gone' }
    const { admin, sent } = createAdmin([makeLetter(0, 'internal: bad', gone), makeLetter(1, 'internal: bad')])
    const send = async () => {
      throw new PelletlineError('failed_precondition', 'The broker refuses the right (TOPIC_AUTHORIZATION_FAILED).')
    }
    const outcomes: string[] = []
    const replay = async () => {
      for await (const { outcome } of replayDeadLetters({ ...admin, send })) outcomes.push(outcome)
    }
    await assert.rejects(replay(), { message: /refuses the right/ })
    assert.deepEqual(outcomes, ['no-topic'])
    assert.deepEqual(sent, [])
  })

  it('that their topic refuses for their size stay, unmarked, and those behind them are sent', async () => {
    const { admin, sent } = createAdmin([0, 1, 2].map((offset) => makeLetter(offset, 'internal: bad')))
    const send: BrokerAdmin['send'] = async (topic, messages) => {
      if (topic === 'crops' && messages[0]?.key === 'key-1') {
        const protocolErrors = ['MESSAGE_TOO_LARGE']
        throw brokerError({
          what: 'Publishing',
          topic,
          address: { brokers: ['kafka-1:9092'] },
          protocolErrors,
          cause: new Error(),
        })
      }
      await admin.send(topic, messages)
    }
    const outcomes: string[] = []
    for await (const { outcome } of replayDeadLetters({ ...admin, send })) outcomes.push(outcome)
    assert.deepEqual(outcomes, ['sent', 'too-large', 'sent'])
    assert.deepEqual(
      sent.map(({ topic }) => topic),
      ['crops', deadLetterTopic, 'crops', deadLetterTopic],
    )
    assert.deepEqual(
      (await readDeadLetters(admin)).map(({ replayed }) => replayed),
      [true, false, true],
    )
  })

  it('whose time ran out between the two readings are named, not passed over', async () => {
    const letters = [makeLetter(0, 'invalid_argument: bad'), makeLetter(1, 'invalid_argument: bad')]
    const { admin, sent } = createAdmin(letters)
    let asked = 0
    const forgetful: BrokerAdmin = {
      ...admin,
      ranges: (topic) => {
        asked++
        if (asked === 2) letters.shift()
        return admin.ranges(topic)
      },
    }
    const outcomes: string[] = []
    for await (const { outcome } of replayDeadLetters(forgetful)) outcomes.push(outcome)
    assert.deepEqual(outcomes, ['sent', 'no-longer-kept'])
    assert.equal(sent[0]!.first, 1)
  })
})
