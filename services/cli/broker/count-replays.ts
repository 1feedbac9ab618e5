import type { ReplayedLetter, ReplayOutcome } from '../../shared/bus/kafka/dead-letters.ts'
import type { Terminal } from '../terminal.ts'

const outcomeText: Readonly<Record<ReplayOutcome, string>> = {
  sent: 'sent again',
  'sent-before': 'had been sent again before',
  'failed-too-often': 'failed too often after being sent again; left alone',
  'value-dropped': 'value was too large to keep; read it at its origin',
  'no-topic': 'its topic is not there',
  'too-large':
    'too large for its topic; left alone: if topics check shows that its max.message.bytes is too low, mend it by topics apply and replay again',
  'no-longer-kept': 'ran out of its time meanwhile; the topic keeps it no longer',
}

/** Outcomes of letters that were to be sent and that no topic took. */
const refused: readonly ReplayOutcome[] = ['no-topic', 'too-large', 'no-longer-kept']

/**
 * Prints what becomes of each letter and then how many there were of each outcome, also where the replay rejects: what was sent
 * before is sent. Ends after the letter in hand once the signal is aborted; rejects as the replay does. Resolves with whether every
 * letter that was to be sent was taken by its topic.
 */
export async function countReplays(
  replays: AsyncIterable<ReplayedLetter>,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<boolean> {
  const counts = new Map<ReplayOutcome, number>()
  try {
    for await (const { letter, outcome } of replays) {
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
      terminal.printJson({ letter: Number(letter.record.offset), topic: letter.originTopic, outcome })
      if (signal.aborted) break
    }
  } finally {
    for (const [outcome, count] of counts) terminal.print(`${count} ${outcomeText[outcome]}`)
  }
  if (counts.size === 0) terminal.print('No dead letter to send again.')
  return !refused.some((outcome) => counts.has(outcome))
}
