import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { KafkaConfig } from '../bus-config.ts'
import { openBrokerAdmin } from '../open-bus.ts'
import { chooseReplication, reportTopics } from './apply-topics.ts'
import type { BrokerAdmin } from './broker-admin.ts'
import { type BrokerAddress, topicsApplyCommand, topicsCheckCommand } from './broker-commands.ts'
import { checkPlantMark } from './plant-mark.ts'

export interface CheckTopicsOptions {
  readonly plant: string
  readonly address: BrokerAddress
  readonly logger: Logger
}

/**
 * Looks whether a broker that somebody else keeps has the plant's topics, and changes nothing there. `failed_precondition`,
 * with the command that mends it, where topics are missing or belong to another plant; what only differs from the settings
 * is logged: whoever keeps the broker may have reasons.
 */
export async function checkTopicsWith(admin: BrokerAdmin, options: CheckTopicsOptions): Promise<void> {
  const { plant, address, logger } = options
  const { brokers } = address
  const reports = await reportTopics(admin, await chooseReplication(admin, undefined))
  const missing = reports.filter(({ exists }) => !exists).map(({ settings }) => settings.name)
  if (missing.length > 0) {
    throw new PelletlineError(
      'failed_precondition',
      `The brokers at ${brokers.join(', ')} have no ${missing.join(', ')}; a given broker is not changed. Create the topics by: ${topicsApplyCommand({ ...address, plant })}`,
    )
  }
  await checkPlantMark(admin, plant, address)
  for (const { settings, differences } of reports) {
    if (differences.length === 0) continue
    const text = `the topic differs from its settings; see: ${topicsCheckCommand(address)}`
    logger.warn({ topic: settings.name, differences }, text)
  }
}

/** The same for the broker that a configuration names, which is opened and closed again. */
export async function checkTopics(config: KafkaConfig, options: Omit<CheckTopicsOptions, 'address'>): Promise<void> {
  const admin = await openBrokerAdmin(config, 'pelletline-topics', options.plant)
  try {
    await checkTopicsWith(admin, { ...options, address: config })
  } finally {
    await admin.close()
  }
}
