import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brokerError, isTooLarge, unansweredError } from './broker-error.ts'

const brokers = ['kafka-1:9092']
const aboutFile = '(FILE holds what stands under `bus:` in the configuration of a service)'
const failure = (protocolError: string, address: Parameters<typeof brokerError>[0]['address']) =>
  brokerError({
    what: 'Publishing to crops',
    topic: 'crops',
    address,
    protocolErrors: [protocolError],
    cause: new Error('no'),
  })

describe('brokerError', () => {
  it('names a command that makes a missing topic: with the plant, and with what reaches the broker', () => {
    const text =
      'Publishing to crops failed: the broker has no topic crops; create the topics by: npx pelletline topics'
    const plain = failure('UNKNOWN_TOPIC_OR_PARTITION', { brokers, plant: 'plant-1' })
    assert.equal(plain.code, 'failed_precondition')
    assert.equal(plain.message, `${text} apply --plant plant-1 --brokers kafka-1:9092`)
    const secured = failure('UNKNOWN_TOPIC_OR_PARTITION', { brokers, sasl: { password: 'guess' } })
    assert.equal(secured.message, `${text} apply --plant NAME --bus-config FILE ${aboutFile}`)
  })

  it('names a command that shows what is there, where a right is missing or a message is too large', () => {
    const right = failure('TOPIC_AUTHORIZATION_FAILED', { brokers, tls: {} })
    assert.ok(right.message.endsWith(`: npx pelletline topics check --bus-config FILE ${aboutFile}`), right.message)
    const large = failure('MESSAGE_TOO_LARGE', { brokers })
    assert.ok(isTooLarge(large))
    assert.match(large.message, /max\.message\.bytes in: npx pelletline topics check --brokers kafka-1:9092$/)
  })

  it('names the same where no answer comes', () => {
    const { message } = unansweredError('Joining g.t', { brokers, tls: {} }, 30_000)
    assert.equal(
      message,
      'Joining g.t did not succeed within 30 s at kafka-1:9092 (no answer came); see whether the broker answers by: ' +
        `npx pelletline topics check --bus-config FILE ${aboutFile}`,
    )
  })
})
