import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { brokerError, unansweredError } from '../../shared/bus/kafka/broker-error.ts'
import type { CliContext } from '../cli-context.ts'
import { createProgram } from '../create-program.ts'
import { type BrokerOptions, readBrokerOptions } from './broker-options.ts'

const brokers = ['kafka-1:9093', 'kafka-2:9093']

describe('the commands that errors of the broker name', () => {
  let folder: string
  let busFile: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-commands-'))
    busFile = join(folder, 'bus.yaml')
    await writeFile(busFile, `kind: kafka\nbrokers: [${brokers.join(', ')}]\ntls: { caFile: ca.pem }\n`)
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** What the command line makes of a command that ends the message; nothing is run. */
  const parse = async (message: string) => {
    const words = /npx pelletline (.+?)(?: \(FILE holds .*\))?$/.exec(message)![1]!.split(' ')
    let parsed: { readonly name: string; readonly options: BrokerOptions & { readonly plant?: string } } | undefined
    const silent = { writeOut: () => {}, writeErr: () => {} }
    const program = createProgram({} as CliContext, silent)
    const topics = program.commands.find((command) => command.name() === 'topics')!
    for (const command of topics.commands) {
      command.action((options: BrokerOptions) => {
        parsed = { name: command.name(), options }
      })
    }
    await program.parseAsync(
      words.map((word) => (word === 'FILE' ? busFile : word)),
      { from: 'user' },
    )
    const { name, options } = parsed!
    return { name, plant: options.plant, config: readBrokerOptions(options, name) }
  }

  for (const secured of [false, true]) {
    it(`are taken by the command line and reach the same broker, ${secured ? 'with' : 'without'} TLS`, async () => {
      const address = { brokers, plant: 'plant-1', ...(secured && { tls: {} }) }
      const failure = (name: string) =>
        brokerError({ what: 'Publishing', topic: 'crops', address, protocolErrors: [name], cause: new Error('no') })
      const cases = [
        [failure('UNKNOWN_TOPIC_OR_PARTITION'), 'apply'],
        [failure('TOPIC_AUTHORIZATION_FAILED'), 'check'],
        [failure('MESSAGE_TOO_LARGE'), 'check'],
        [unansweredError('Joining', address, 30_000), 'check'],
      ] as const
      for (const [{ message }, command] of cases) {
        const { name, plant, config } = await parse(message)
        assert.equal(name, command)
        assert.equal(plant, command === 'apply' ? 'plant-1' : undefined)
        assert.deepEqual(config.brokers, brokers)
        assert.equal(config.tls !== undefined, secured)
      }
    })
  }
})
