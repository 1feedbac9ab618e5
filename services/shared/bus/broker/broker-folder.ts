import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../files/make-folder.ts'
import { chooseFreePort } from '../../service/choose-free-port.ts'
import { javaArguments } from './broker-process.ts'
import { type BrokerSecurity, brokerProperties, formatProperties } from './broker-properties.ts'
import type { KafkaJars } from './kafka-jars.ts'
import { runProgram } from './run-program.ts'

/** The ports of one node. A data folder remembers them: the quorum that is written in it names the controller's. */
export interface NodePorts {
  readonly port: number
  readonly controllerPort: number
  readonly internalPort: number
}

/** Ports of a node: those of its folder where it has been used before, else free ones; a given client port goes before. */
export async function choosePorts(folder: string, given: number | undefined, taken: Set<number>): Promise<NodePorts> {
  const known = await readFile(join(folder, 'ports.json'), 'utf8').then(
    (text) => JSON.parse(text) as NodePorts,
    () => undefined,
  )
  const choose = async () => {
    const port = await chooseFreePort(taken)
    taken.add(port)
    return port
  }
  return {
    port: given ?? known?.port ?? (await choose()),
    controllerPort: known?.controllerPort ?? (await choose()),
    internalPort: known?.internalPort ?? (await choose()),
  }
}

export interface NodeFolder {
  readonly folder: string
  readonly nodeId: number
  readonly ports: NodePorts
  /** Id of the node's log directory, as the quorum names it. */
  readonly directoryId: string
}

/** An id as Kafka writes its own: 16 random bytes in base64url; not starting with `-`, which tools would read as an option. */
export function createKafkaId(): string {
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

/**
 * The text of an argument file of the `java` launcher, one argument a line. The passwords of users are among them: a command
 * line can be read by everyone on the machine, a file only by who may.
 */
export function formatArguments(programArguments: readonly string[]): string {
  return programArguments.map((each) => `"${each.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"\n`).join('')
}

export interface WriteFolderOptions {
  readonly node: NodeFolder
  readonly nodes: readonly NodeFolder[]
  readonly clusterId: string
  readonly jars: KafkaJars
  readonly security?: BrokerSecurity
  readonly properties?: Readonly<Record<string, string>>
}

/** Writes a node's properties, and formats its data folder where that is new; returns the path of the properties. */
export async function writeNodeFolder(options: WriteFolderOptions): Promise<string> {
  const { node, nodes, clusterId, jars, security, properties } = options
  const { folder, nodeId, ports } = node
  await makeFolder(folder)
  const dataDirectory = join(folder, 'data')
  const propertiesFile = join(folder, 'server.properties')
  const settings = brokerProperties({
    nodeId,
    ...ports,
    controllerPorts: nodes.map((other) => other.ports.controllerPort),
    dataDirectory,
    ...(security === undefined ? {} : { security }),
    ...(properties === undefined ? {} : { properties }),
  })
  await writeFile(propertiesFile, formatProperties(settings), { mode: 0o600 })
  await writeFile(join(folder, 'ports.json'), `${JSON.stringify(ports)}\n`)
  if (existsSync(join(dataDirectory, 'meta.properties'))) return propertiesFile
  const controllers = nodes.map(
    (other) => `${other.nodeId}@127.0.0.1:${other.ports.controllerPort}:${other.directoryId}`,
  )
  const users = (security?.users ?? []).flatMap(({ name, password }) => [
    '--add-scram',
    `SCRAM-SHA-512=[name=${name},password=${password}]`,
    '--add-scram',
    `SCRAM-SHA-256=[name=${name},password=${password}]`,
  ])
  const argumentsFile = join(folder, 'format.args')
  await rm(argumentsFile, { force: true })
  const programArguments = [
    ...javaArguments(jars, 128),
    // What Java lets other programs of the user see of it holds the arguments as well.
    '-XX:-UsePerfData',
    'kafka.tools.StorageTool',
    'format',
    '--ignore-formatted',
    '-t',
    clusterId,
    '--initial-controllers',
    controllers.join(','),
    ...users,
    '-c',
    propertiesFile,
  ]
  await writeFile(argumentsFile, formatArguments(programArguments), { mode: 0o600, flag: 'wx' })
  try {
    const purpose = `Formatting ${dataDirectory} for Kafka`
    await runProgram('java', [`@${argumentsFile}`], { purpose, install: 'install Java 17 or newer.' })
  } finally {
    await rm(argumentsFile, { force: true })
  }
  return propertiesFile
}
