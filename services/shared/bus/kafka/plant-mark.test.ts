import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plantTopic } from '../topic-settings.ts'
import type { BrokerAdmin, StoredRecord } from './broker-admin.ts'
import { checkPlantMark, markPlant, readPlantMark } from './plant-mark.ts'

const brokers = ['broker:9092']

/** A broker that keeps what is sent; `beforeSend` runs between a plant's look at the mark and its own. */
function createAdmin(beforeSend?: (write: (plant: string, more: object) => void) => void) {
  const records: StoredRecord[] = []
  const append = (value: Uint8Array) =>
    records.push({ key: 'plant', value, headers: {}, partition: 0, offset: BigInt(records.length), timestampMs: 0 })
  const admin: Pick<BrokerAdmin, 'ranges' | 'readPartition' | 'send'> = {
    ranges: async () => new Map([[0, { start: 0n, end: BigInt(records.length) }]]),
    async *readPartition({ topic }) {
      assert.equal(topic, plantTopic)
      yield* records
    },
    async send(_topic, messages) {
      beforeSend?.((plant, more) => append(Buffer.from(JSON.stringify({ plant, since: '', ...more }))))
      for (const { value } of messages) append(value)
    },
  }
  return { admin: admin as BrokerAdmin, records }
}

describe('markPlant', () => {
  it('marks topics once, and finds its own mark', async () => {
    const { admin, records } = createAdmin()
    assert.equal(await readPlantMark(admin), undefined)
    await markPlant(admin, 'a', { brokers })
    await markPlant(admin, 'a', { brokers })
    assert.equal(records.length, 1)
    await assert.rejects(markPlant(admin, 'b', { brokers }), {
      code: 'failed_precondition',
      message: /belong to plant a/,
    })
  })

  it('says how a plant that was renamed takes its topics over, by a command that reaches the broker', async () => {
    const { admin } = createAdmin()
    await assert.rejects(checkPlantMark(admin, 'a', { brokers }), {
      message: /no plant yet; make them a's by: npx pelletline topics apply --plant a --brokers \S+$/,
    })
    await markPlant(admin, 'a', { brokers })
    await assert.rejects(checkPlantMark(admin, 'b', { brokers }), {
      message: /: npx pelletline topics apply --plant b --replace-plant a --brokers \S+$/,
    })
    await assert.rejects(checkPlantMark(admin, 'b', { brokers, tls: {} }), {
      message: /--replace-plant a --bus-config FILE \(FILE holds/,
    })
    await assert.rejects(markPlant(admin, 'b', { brokers, folder: 'D/kafka' }), {
      message: /The broker in D\/kafka keeps the messages of plant a, .* use --plant a, or another --data-dir\.$/,
    })
  })

  it('of two plants that mark the topics in the same moment one is refused, and both see the same owner', async () => {
    const { admin, records } = createAdmin((write) => write('a', { replaces: '' }))
    await assert.rejects(markPlant(admin, 'b', { brokers }), {
      code: 'failed_precondition',
      message: /belong to plant a/,
    })
    assert.equal(records.length, 2)
    assert.equal(await readPlantMark(admin), 'a')
  })

  it('takes the last of marks that say nothing of what they replace, as they were written once', async () => {
    let written = 0
    const { admin, records } = createAdmin(
      (write) => written++ === 0 && ['old', 'new'].forEach((name) => void write(name, {})),
    )
    await assert.rejects(markPlant(admin, 'third', { brokers }), { message: /belong to plant new/ })
    assert.equal(records.length, 3)
    await markPlant(admin, 'third', { brokers, replace: 'new' })
    assert.equal(await readPlantMark(admin), 'third')
  })

  it('a mark is replaced by name only, again and again', async () => {
    const { admin } = createAdmin()
    await markPlant(admin, 'a', { brokers })
    await assert.rejects(markPlant(admin, 'b', { brokers, replace: 'c' }), { code: 'failed_precondition' })
    await markPlant(admin, 'b', { brokers, replace: 'a' })
    assert.equal(await readPlantMark(admin), 'b')
    await markPlant(admin, 'a', { brokers, replace: 'b' })
    assert.equal(await readPlantMark(admin), 'a')
  })
})
