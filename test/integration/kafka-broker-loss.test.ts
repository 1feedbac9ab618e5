import { after, before, describe, it } from 'node:test'
import { type KafkaBroker, startKafkaBroker } from '../../services/shared/bus/broker/start-kafka-broker.ts'
import { checkNothingLost } from '../support/kafka-loss.ts'

describe('publishing while the broker is killed', { timeout: 590_000 }, () => {
  let broker: KafkaBroker
  before(async () => {
    broker = await startKafkaBroker({ quickStart: true, properties: { 'broker.session.timeout.ms': '3000' } })
  })
  after(() => broker.stop())

  it('no acknowledged message is missing after two kills, with either client', async (test) => {
    const strike = async () => {
      await broker.kill('SIGKILL')
      await broker.restart()
    }
    const trial = { addresses: [broker.address], replication: 1, seed: 1, strikes: 2, strike }
    test.diagnostic(await checkNothingLost(trial))
  })
})
