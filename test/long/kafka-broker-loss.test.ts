import { describe, it } from 'node:test'
import {
  type KafkaBroker,
  startKafkaBroker,
  startKafkaCluster,
} from '../../services/shared/bus/broker/start-kafka-broker.ts'
import { checkNothingLost } from '../support/kafka-loss.ts'

const properties = { 'broker.session.timeout.ms': '3000' }
const seeds = [1, 2, 3, 4, 5, 6]

describe('publishing while brokers are killed, at length', { timeout: 3_600_000 }, () => {
  for (const seed of seeds) {
    it(`one broker killed eight times loses no acknowledged message (seed ${seed})`, async (test) => {
      const broker = await startKafkaBroker({ quickStart: true, properties })
      try {
        const strike = async () => {
          await broker.kill('SIGKILL')
          await broker.restart()
        }
        const trial = { addresses: [broker.address], replication: 1, seed, strikes: 8, strike }
        test.diagnostic(await checkNothingLost(trial))
      } finally {
        await broker.stop()
      }
    })
  }

  it('a cluster of three, one of them killed again and again, loses no acknowledged message', async (test) => {
    const cluster = await startKafkaCluster({ quickStart: true, properties })
    try {
      const strike = async (random: () => number) => {
        const victim = cluster.brokers[Math.floor(random() * cluster.brokers.length)] as KafkaBroker
        await victim.kill('SIGKILL')
        await victim.restart()
      }
      const trial = { addresses: cluster.addresses, replication: 3, seed: 7, strikes: 5, strike }
      test.diagnostic(await checkNothingLost(trial))
    } finally {
      await cluster.stop()
    }
  })
})
