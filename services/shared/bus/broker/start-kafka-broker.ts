import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, silentLogger } from '../../telemetry/logger.ts'
import { choosePorts, createKafkaId, type NodeFolder, writeNodeFolder } from './broker-folder.ts'
import { startBrokerProcess } from './broker-process.ts'
import type { BrokerSecurity } from './broker-properties.ts'
import { prepareKafka } from './prepare-kafka.ts'
import { type KafkaBroker, runNode } from './run-node.ts'

export type { KafkaBroker } from './run-node.ts'

export interface KafkaBrokerOptions {
  /** Folder of the broker's data, kept, and used again by the next start; absent: a temporary one, deleted by `stop`. */
  readonly directory?: string
  /** Port for clients on 127.0.0.1; absent: the one of the directory's last start, else a free one. */
  readonly port?: number
  readonly logger?: Logger
  /** Largest heap of each broker, MiB; default 512. */
  readonly heapMb?: number
  readonly security?: BrokerSecurity
  /** File to which everything that the broker writes is appended; none where absent. Brokers of a cluster share it. */
  readonly logFile?: string
  /** Properties that go before the project's own, by Kafka's names. */
  readonly properties?: Readonly<Record<string, string>>
  /** Starts quicker and runs slower: Java's first compiler only, and a heap that grows to its limit. For tests. */
  readonly quickStart?: boolean
  /** Called when a broker's process ends without having been told to by this handle, with the last lines that it wrote. */
  readonly onUnexpectedExit?: (address: string, lastWords: string) => void
}

/** Brokers that form a cluster. */
export interface KafkaCluster {
  readonly brokers: readonly KafkaBroker[]
  /** Addresses of all brokers. */
  readonly addresses: readonly string[]
  stop(): Promise<void>
}

const defaultHeapMb = 512

/** Starts one broker (KRaft: broker and controller in one process); resolves once it serves. */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const { brokers, stop } = await startNodes(1, options)
  const broker = brokers[0] as KafkaBroker
  return {
    address: broker.address,
    directory: broker.directory,
    get pid() {
      return broker.pid
    },
    kill: broker.kill,
    restart: broker.restart,
    stop,
  }
}

export type KafkaClusterOptions = Omit<KafkaBrokerOptions, 'port'> & {
  /** Default 3. */
  readonly nodes?: number
}

/** Starts a cluster of brokers, each broker and controller at once; three keep every topic thrice and survive one death. */
export function startKafkaCluster(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
  return startNodes(options.nodes ?? 3, options)
}

async function startNodes(count: number, options: KafkaBrokerOptions): Promise<KafkaCluster> {
  const logger = options.logger ?? silentLogger
  const jars = await prepareKafka(logger)
  const temporary = options.directory === undefined
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'pelletline-kafka-')))
  const taken = new Set<number>()
  const nodes: NodeFolder[] = []
  for (let nodeId = 1; nodeId <= count; nodeId += 1) {
    const folder = count === 1 ? directory : join(directory, `node-${nodeId}`)
    const ports = await choosePorts(folder, options.port, taken)
    nodes.push({ folder, nodeId, ports, directoryId: createKafkaId() })
  }
  const clusterId = createKafkaId()
  const { security, properties } = options
  const removeTemporary = async () => {
    if (temporary) await rm(directory, { recursive: true, force: true })
  }
  const startNode = async (node: NodeFolder): Promise<KafkaBroker> => {
    const propertiesFile = await writeNodeFolder({
      node,
      nodes,
      clusterId,
      jars,
      ...(security === undefined ? {} : { security }),
      ...(properties === undefined ? {} : { properties }),
    })
    return runNode({
      address: `127.0.0.1:${node.ports.port}`,
      directory: node.folder,
      onUnexpectedExit: options.onUnexpectedExit,
      start: (signal) =>
        startBrokerProcess({
          jars,
          propertiesFile,
          heapMb: options.heapMb ?? defaultHeapMb,
          logger,
          logFile: options.logFile,
          quickStart: options.quickStart ?? false,
          signal,
          ...(temporary ? { temporaryFolder: directory } : {}),
        }),
    })
  }
  const started = await Promise.allSettled(nodes.map(startNode))
  const brokers = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const stop = async () => {
    await Promise.all(brokers.map((broker) => broker.stop()))
    await removeTemporary()
  }
  const failed = started.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  return { brokers, addresses: brokers.map((broker) => broker.address), stop }
}
