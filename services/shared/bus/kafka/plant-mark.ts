import { PelletlineError } from '../../errors/pelletline-error.ts'
import { plantTopic } from '../topic-settings.ts'
import type { BrokerAdmin } from './broker-admin.ts'
import { type BrokerAddress, connectOption, shellWord, topicsApplyCommand } from './broker-commands.ts'

const markKey = 'plant'

/** What stands in the one record of the plant's topic. */
interface PlantMark {
  readonly plant: string
  /** When it was written, ISO 8601. */
  readonly since: string
  /** The plant whose mark it replaces, on purpose; empty: none. */
  readonly replaces?: string
}

/**
 * The plant to which the topics of a broker belong; undefined where nobody has marked them. The first mark counts, and then each
 * that replaces the one that counts: of two plants that mark the topics in the same moment, both see the same one.
 */
export async function readPlantMark(admin: BrokerAdmin): Promise<string | undefined> {
  const range = (await admin.ranges(plantTopic)).get(0)
  if (range === undefined) return undefined
  let mark: PlantMark | undefined
  const { start, end } = range
  for await (const record of admin.readPartition({ topic: plantTopic, partition: 0, from: start, to: end })) {
    if (record.key !== markKey) continue
    try {
      const found = JSON.parse(Buffer.from(record.value).toString('utf8')) as PlantMark
      // Marks of before `replaces` followed one another, the last one counted.
      const isOlder = found.replaces === undefined && mark?.replaces === undefined
      if (mark === undefined || isOlder || found.replaces === mark.plant) mark = found
    } catch (cause) {
      const text = `Record ${record.offset} of ${plantTopic} is not a mark of a plant; look at who writes there.`
      throw new PelletlineError('data_loss', text, { cause })
    }
  }
  return mark?.plant
}

/** The way to the broker, and what is said where its topics are another plant's. */
export interface MarkOptions extends BrokerAddress {
  /** Name of the other plant, where the mark is to be changed on purpose. */
  readonly replace?: string
  /** Folder of a broker that a plant starts for itself, and that ends with it: its topics cannot be renamed by a command. */
  readonly folder?: string
}

/** `failed_precondition` where the topics belong to a plant other than this one and `replace`; returns the present owner. */
export async function refuseForeignTopics(
  admin: BrokerAdmin,
  plant: string,
  { replace, ...address }: MarkOptions,
): Promise<string | undefined> {
  const owner = await readPlantMark(admin)
  if (owner !== undefined && owner !== plant && owner !== replace) throw foreignTopics(plant, owner, address)
  return owner
}

/**
 * Marks the topics as the plant's own, or finds that they are. `failed_precondition` where they belong to another plant;
 * `replace` names the other plant when the mark is to be changed on purpose (a plant that got another name).
 */
export async function markPlant(admin: BrokerAdmin, plant: string, options: MarkOptions): Promise<void> {
  const owner = await refuseForeignTopics(admin, plant, options)
  if (owner === plant) return
  const mark: PlantMark = {
    plant,
    since: new Date().toISOString(),
    replaces: owner ?? '',
  }
  await admin.send(plantTopic, [{ key: markKey, value: Buffer.from(JSON.stringify(mark)), headers: {} }])
  // Two plants that mark the topics in the same moment both come here.
  const winner = await readPlantMark(admin)
  if (winner !== plant) throw foreignTopics(plant, winner ?? 'unknown', options)
}

/** Refuses a broker whose topics are another plant's, or nobody's yet. */
export async function checkPlantMark(admin: BrokerAdmin, plant: string, address: BrokerAddress): Promise<void> {
  const owner = await readPlantMark(admin)
  if (owner === plant) return
  if (owner !== undefined) throw foreignTopics(plant, owner, address)
  const text = `The topics at ${address.brokers.join(', ')} belong to no plant yet; make them ${plant}'s by: ${topicsApplyCommand({ ...address, plant })}`
  throw new PelletlineError('failed_precondition', text)
}

function foreignTopics(plant: string, owner: string, address: MarkOptions): PelletlineError {
  if (address.folder !== undefined) {
    const text = `The broker in ${address.folder} keeps the messages of plant ${owner}, and this is ${plant}: use --plant ${owner}, or another --data-dir.`
    return new PelletlineError('failed_precondition', text)
  }
  const names = `--plant ${shellWord(plant)} --replace-plant ${shellWord(owner)}`
  return new PelletlineError(
    'failed_precondition',
    `The topics at ${address.brokers.join(', ')} belong to plant ${owner}, and this is ${plant}: two plants on the same topics would count each other's pellets. ` +
      `Give ${plant} a broker of its own; if ${owner} has only been renamed, with the sizes that were given before: npx pelletline topics apply ${names} ${connectOption(address)}`,
  )
}
