import type { Command } from 'commander'
import { type DeadLetter, readDeadLetters, replayDeadLetters } from '../../shared/bus/kafka/dead-letters.ts'
import { type BrokerOptions, readBrokerOptions, withBroker, withBrokerAdmin } from '../broker/broker-options.ts'
import { countReplays } from '../broker/count-replays.ts'
import { formatBytes } from '../broker/describe-topic.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import type { Column } from '../render-table.ts'

interface LetterOptions extends BrokerOptions {
  readonly topic?: string
  readonly reason?: string
}

const columns: readonly Column[] = [
  { title: 'letter', align: 'right' },
  { title: 'time' },
  { title: 'from' },
  { title: 'key' },
  { title: 'size', align: 'right' },
  { title: 'replays', align: 'right' },
  { title: 'reason', cut: 'tail' },
]

function origin({ originTopic, originPartition, originOffset }: DeadLetter): string {
  return `${originTopic}/${originPartition}/${originOffset}`
}

function row(letter: DeadLetter): string[] {
  const { record, valueBytes, reason, replays, replayed } = letter
  return [
    String(record.offset),
    new Date(record.timestampMs).toISOString(),
    origin(letter),
    record.key,
    formatBytes(valueBytes),
    `${replays}${replayed ? ', sent again' : ''}`,
    reason,
  ]
}

function json(letter: DeadLetter): Record<string, unknown> {
  const { record, valueBytes, reason, originTopic, originPartition, originOffset, replays, replayed } = letter
  return {
    letter: Number(record.offset),
    time: new Date(record.timestampMs).toISOString(),
    topic: originTopic,
    partition: originPartition,
    offset: Number(originOffset),
    key: record.key,
    bytes: valueBytes,
    replays,
    replayed,
    reason,
    headers: record.headers,
  }
}

function withFilter(command: Command): Command {
  return withBroker(command)
    .option('--topic <name>', 'only messages that came from this topic')
    .option('--reason <text>', 'only messages whose reason contains this text')
}

function filterOf({ topic, reason }: LetterOptions) {
  return { ...(topic !== undefined && { topic }), ...(reason !== undefined && { reason }) }
}

/** `dead-letters list | replay`. */
export const addDeadLettersCommand: AddCommand = (program, context) => {
  const letters = program
    .command('dead-letters')
    .description('messages that no service could take: list them, send them again')

  withFilter(letters.command('list'))
    .description('dead letters, oldest first, with the reason and where they came from')
    .addHelpText(
      'after',
      exampleText(['npx pelletline dead-letters list --brokers kafka-1:9092 --reason "cannot be read"']),
    )
    .action(async (options: LetterOptions, command: Command) => {
      const terminal = context.terminal(command)
      const config = readBrokerOptions(options, 'dead-letters list')
      const found = await withBrokerAdmin(config, (admin) => readDeadLetters(admin, filterOf(options)))
      for (const letter of found) terminal.printJson(json(letter))
      if (terminal.json) return
      if (found.length === 0) terminal.print('No dead letter.')
      else terminal.printTable(columns, found.map(row))
    })

  withFilter(letters.command('replay'))
    .description(
      'send dead letters to their topics again; each at most three times, one that was sent already not at all',
    )
    .addHelpText(
      'after',
      exampleText(['npx pelletline dead-letters replay --brokers kafka-1:9092 --topic pelletline.crops.v1']),
    )
    .action(async (options: LetterOptions, command: Command) => {
      const terminal = context.terminal(command)
      const signal = context.interrupt()
      const config = readBrokerOptions(options, 'dead-letters replay')
      const allTaken = await withBrokerAdmin(config, (admin) =>
        countReplays(replayDeadLetters(admin, filterOf(options)), terminal, signal),
      )
      if (!allTaken) context.setExitCode(1)
    })
}
