import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { connectOption, topicsApplyCommand, topicsCheckCommand } from './broker-commands.ts'

const brokers = ['kafka-1:9092', 'kafka-2:9092']
const aboutFile = '(FILE holds what stands under `bus:` in the configuration of a service)'

describe('the commands that errors of the broker name', () => {
  it('reach a broker without TLS and users by its address', () => {
    assert.equal(connectOption({ brokers }), '--brokers kafka-1:9092,kafka-2:9092')
    assert.equal(connectOption({ brokers: ['[::1]:9092'] }), "--brokers '[::1]:9092'")
  })

  it('reach a broker with TLS or users by the file that names them, and hold nothing of it', () => {
    for (const secret of [{ tls: { ca: 'pem' } }, { sasl: { password: 'guess' } }]) {
      assert.equal(connectOption({ brokers, ...secret }), `--bus-config FILE ${aboutFile}`)
    }
  })

  it('name the plant, which topics apply asks for', () => {
    const plain = 'npx pelletline topics apply --plant plant-1 --brokers kafka-1:9092,kafka-2:9092'
    assert.equal(topicsApplyCommand({ brokers, plant: 'plant-1' }), plain)
    const safe = `npx pelletline topics apply --plant NAME --bus-config FILE ${aboutFile}`
    assert.equal(topicsApplyCommand({ brokers, tls: {} }), safe)
    assert.equal(topicsCheckCommand({ brokers }), 'npx pelletline topics check --brokers kafka-1:9092,kafka-2:9092')
  })
})
