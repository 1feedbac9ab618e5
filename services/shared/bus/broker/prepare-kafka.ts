import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock } from '../../service/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { choosePorts, createKafkaId, writeNodeFolder } from './broker-folder.ts'
import { startBrokerProcess } from './broker-process.ts'
import { type KafkaJars, provideKafkaJars, withLock } from './kafka-jars.ts'

let preparing: Promise<KafkaJars> | undefined

/**
 * The jars of Kafka and, beside them, an archive of the classes that a broker loads: made once by a broker that starts and
 * stops (some 8 s), it saves more than half of every later start.
 */
export function prepareKafka(logger: Logger): Promise<KafkaJars> {
  preparing ??= prepare(logger)
  preparing.catch(() => {
    preparing = undefined
  })
  return preparing
}

async function prepare(logger: Logger): Promise<KafkaJars> {
  const jars = await provideKafkaJars(logger)
  if (existsSync(jars.classArchive)) return jars
  await withLock(dirname(dirname(jars.classArchive)), systemClock, async () => {
    if (!existsSync(jars.classArchive)) await writeClassArchive(jars, logger)
  })
  return jars
}

/** Runs a broker on an empty folder once, so that Java writes what it has loaded. */
async function writeClassArchive(jars: KafkaJars, logger: Logger): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'pelletline-kafka-'))
  try {
    const node = {
      folder: directory,
      nodeId: 1,
      ports: await choosePorts(directory, undefined, new Set()),
      directoryId: createKafkaId(),
    }
    const propertiesFile = await writeNodeFolder({ node, nodes: [node], clusterId: createKafkaId(), jars })
    const broker = await startBrokerProcess({
      jars,
      propertiesFile,
      heapMb: 512,
      logger,
      temporaryFolder: directory,
      writeClassArchive: true,
    })
    await broker.stop(60_000)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
