import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { createMessageFollower } from './follow-messages.ts'

const ignore = () => {}

function framed(length: number): Buffer {
  const message = Buffer.alloc(5 + length, 0xff)
  message[0] = length % 2
  message.writeUInt32BE(length, 1)
  return message
}

test('the follower of messages knows what is unfinished after every byte, however the stream is cut', () => {
  const lengths = fc.array(fc.nat(40), { maxLength: 6 })
  fc.assert(
    fc.property(lengths, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (messages, cuts) => {
      const bytes = Buffer.concat(messages.map(framed))
      const ends = messages.map((_, i) => messages.slice(0, i + 1).reduce((sum, length) => sum + 5 + length, 0))
      const complete: [number, boolean][] = []
      const follower = createMessageFollower((...message) => complete.push(message))
      let at = 0
      for (let cut = 0; at < bytes.length; cut += 1) {
        const next = Math.min(bytes.length, at + cuts[cut % cuts.length]!)
        // A length is known with the last byte of its prefix.
        const known = messages.filter((length, i) => {
          const prefixEnd = ends[i]! - length
          return at < prefixEnd && prefixEnd <= next
        })
        assert.equal(follower.take(bytes.subarray(at, next)), Math.max(0, ...known))
        at = next
        const whole = messages.filter((_, i) => ends[i]! <= at)
        assert.equal(follower.unfinished(), at - Math.max(0, ...ends.filter((end) => end <= at)))
        assert.deepEqual(
          complete,
          whole.map((length) => [length, length % 2 === 1]),
        )
      }
    }),
  )
})

test('the follower of messages reads lengths of 32 bits', () => {
  assert.equal(createMessageFollower(ignore).take(Uint8Array.of(0, 255, 255, 255, 255)), 2 ** 32 - 1)
})
