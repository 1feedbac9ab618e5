import type { Command } from 'commander'
import { applyTopicsWith, chooseReplication, isMarkable, reportTopics } from '../../shared/bus/kafka/apply-topics.ts'
import { compareTopics, type TopicReport } from '../../shared/bus/kafka/compare-topics.ts'
import { readPlantMark } from '../../shared/bus/kafka/plant-mark.ts'
import { limitRetention, topicSettings } from '../../shared/bus/topic-settings.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createLogger } from '../../shared/telemetry/logger.ts'
import { type BrokerOptions, readBrokerOptions, withBroker, withBrokerAdmin } from '../broker/broker-options.ts'
import { describeTopicFaults } from '../broker/describe-faults.ts'
import { topicColumns, topicJson, topicRow } from '../broker/describe-topic.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { parseInteger, parseName } from '../parse-option.ts'
import type { Terminal } from '../terminal.ts'

interface TopicOptions extends BrokerOptions {
  readonly replication?: number
  readonly maxPartitionMib?: number
}

interface ApplyOptions extends TopicOptions {
  readonly plant: string
  readonly replacePlant?: string
}

const mib = 1_048_576

/** A topic of six partitions then still keeps more than the bytes by which a group may lag before its line is held back. */
const minPartitionMib = 64

function withSizes(command: Command): Command {
  return command
    .option(
      '--replication <n>',
      'copies of each topic; default: 3, or as many as there are brokers',
      parseInteger({ min: 1, max: 9 }),
    )
    .option(
      '--max-partition-mib <n>',
      'most MiB that a partition keeps, for a small disk',
      parseInteger({ min: minPartitionMib }),
    )
}

function printReports(terminal: Terminal, reports: readonly TopicReport[]): void {
  for (const report of reports) terminal.printJson(topicJson(report))
  if (!terminal.json) terminal.printTable(topicColumns, reports.map(topicRow))
}

/** `topics apply | check | list`. */
export const addTopicsCommand: AddCommand = (program, context) => {
  const topics = program.command('topics').description('create, check and list the topics of a Kafka broker')

  withSizes(withBroker(topics.command('apply')))
    .description('create the topics that are missing, mend those that differ, mark them as the plant’s own')
    .requiredOption(
      '--plant <name>',
      'plant to which the topics belong; services of another plant are refused',
      parseName,
    )
    .option('--replace-plant <name>', 'the name that the plant had before')
    .addHelpText('after', exampleText(['npx pelletline topics apply --plant plant-1 --brokers kafka-1:9092']))
    .action(async (options: ApplyOptions, command: Command) => {
      const terminal = context.terminal(command)
      const config = readBrokerOptions(options, 'topics apply')
      await withBrokerAdmin(config, async (admin) => {
        await applyTopicsWith(admin, config, {
          plant: options.plant,
          logger: createLogger({ service: 'topics', level: 'warn' }),
          ...(options.replacePlant !== undefined && { replacePlant: options.replacePlant }),
          ...(options.replication !== undefined && { replication: options.replication }),
          ...(options.maxPartitionMib !== undefined && { maxPartitionBytes: options.maxPartitionMib * mib }),
        })
        const replication = await chooseReplication(admin, options.replication)
        printReports(
          terminal,
          await reportTopics(admin, replication, (options.maxPartitionMib ?? Number.POSITIVE_INFINITY) * mib),
        )
        terminal.note(`The topics at ${config.brokers.join(', ')} belong to plant ${options.plant}.`)
      })
    })

  withSizes(withBroker(topics.command('check')))
    .description('compare the broker with what is wanted; status 1 where something differs')
    .option('--plant <name>', 'also check that the topics belong to this plant')
    .addHelpText('after', exampleText(['npx pelletline topics check --plant plant-1 --brokers kafka-1:9092']))
    .action(async (options: TopicOptions & { readonly plant?: string }, command: Command) => {
      const terminal = context.terminal(command)
      const config = readBrokerOptions(options, 'topics check')
      await withBrokerAdmin(config, async (admin) => {
        const replication = await chooseReplication(admin, options.replication)
        const reports = await reportTopics(
          admin,
          replication,
          (options.maxPartitionMib ?? Number.POSITIVE_INFINITY) * mib,
        )
        printReports(terminal, reports)
        const owner = isMarkable(reports) ? await readPlantMark(admin) : undefined
        terminal.note(
          owner === undefined ? 'The topics belong to no plant yet.' : `The topics belong to plant ${owner}.`,
        )
        const wrong = reports.filter(({ exists, differences }) => !exists || differences.length > 0)
        const { plant, busConfig, replication: copies, maxPartitionMib } = options
        const asked = { plant, busConfig, replication: copies, maxPartitionMib, brokers: config.brokers }
        const faults = describeTopicFaults({ wrong, owner, ...asked })
        if (faults !== undefined) throw new PelletlineError('failed_precondition', faults)
      })
    })

  withSizes(topics.command('list'))
    .description('what the topics are to be, with the disk that they need; asks no broker')
    .addHelpText('after', exampleText(['npx pelletline topics list --replication 3']))
    .action((options: TopicOptions, command: Command) => {
      const wanted = limitRetention(topicSettings, (options.maxPartitionMib ?? Number.POSITIVE_INFINITY) * mib)
      const reports = compareTopics(wanted, [], options.replication ?? 3)
      const terminal = context.terminal(command)
      for (const report of reports) terminal.printJson(topicJson(report))
      if (!terminal.json) {
        const columns = topicColumns.slice(0, -1)
        terminal.printTable(
          columns,
          reports.map((report) => topicRow(report).slice(0, -1)),
        )
      }
    })
}
