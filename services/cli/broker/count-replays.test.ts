import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import type { DeadLetter, ReplayedLetter, ReplayOutcome } from '../../shared/bus/kafka/dead-letters.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createTerminal } from '../terminal.ts'
import { countReplays } from './count-replays.ts'

const letter: DeadLetter = {
  record: { key: 'k', headers: {}, partition: 0, offset: 0n, timestampMs: 0 },
  valueBytes: 0,
  reason: 'internal: bad',
  originTopic: 'crops',
  originPartition: 0,
  originOffset: 0n,
  replays: 0,
  replayed: false,
}

function createOutput() {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  return { terminal: createTerminal({ stdout: stream, stderr: stream, json: false }), text: () => text }
}

async function* replay(outcomes: readonly ReplayOutcome[], failure?: Error): AsyncGenerator<ReplayedLetter> {
  for (const outcome of outcomes) yield { letter, outcome }
  if (failure !== undefined) throw failure
}

describe('countReplays', () => {
  const { signal } = new AbortController()

  it('says how many letters had which outcome, and what to do with one that is too large', async () => {
    const { terminal, text } = createOutput()
    assert.equal(await countReplays(replay(['sent', 'too-large', 'sent']), terminal, signal), false)
    assert.match(text(), /^2 sent again\n1 too large for its topic; left alone: .*topics apply and replay again\n$/)
  })

  it('is content with letters that were to be left alone', async () => {
    for (const outcome of ['sent', 'sent-before', 'failed-too-often', 'value-dropped'] as const) {
      assert.equal(await countReplays(replay([outcome]), createOutput().terminal, signal), true, outcome)
    }
  })

  it('prints the counts of what was sent before a send failed, and rejects by that failure', async () => {
    const { terminal, text } = createOutput()
    const away = new PelletlineError('unavailable', 'Publishing to crops failed at kafka-1:9092.')
    await assert.rejects(countReplays(replay(['sent', 'sent'], away), terminal, signal), away)
    assert.equal(text(), '2 sent again\n')
  })

  it('says so where there is nothing to send, and not where the reading failed', async () => {
    const nothing = createOutput()
    assert.equal(await countReplays(replay([]), nothing.terminal, signal), true)
    assert.equal(nothing.text(), 'No dead letter to send again.\n')
    const failed = createOutput()
    await assert.rejects(countReplays(replay([], new Error('away')), failed.terminal, signal), /away/)
    assert.equal(failed.text(), '')
  })

  it('ends after the letter in hand once it is told to', async () => {
    const { terminal, text } = createOutput()
    await countReplays(replay(['sent', 'sent']), terminal, AbortSignal.abort())
    assert.equal(text(), '1 sent again\n')
  })
})
