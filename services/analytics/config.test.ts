import assert from 'node:assert/strict'
import test from 'node:test'
import { maxReplays } from '../shared/bus/kafka/dead-letters.ts'
import { topicSettings } from '../shared/bus/topic-settings.ts'
import { deadLetterTopic, topics } from '../shared/bus/topics.ts'
import { analyticsOptionsSchema } from './config.ts'

const dayMs = 86_400_000

/** Days that a message may lie in a topic: a file goes once the last of its messages is old enough. */
function longestDays(topic: string): number {
  const settings = topicSettings.find(({ name }) => name === topic)
  return ((settings?.retentionMs ?? Number.POSITIVE_INFINITY) + (settings?.segmentMs ?? 0)) / dayMs
}

test('audited pellets stay for longer than the broker may bring one back, dead letters that are sent again included', () => {
  const [audits, letters] = [longestDays(topics.audits.name), longestDays(deadLetterTopic)]
  const longest = audits + maxReplays * (letters + audits)
  const accepts = (auditDays: number) => analyticsOptionsSchema.safeParse({ retention: { auditDays } }).success
  assert.deepEqual([longest, longest + 1, 365].map(accepts), [false, true, true])
})
