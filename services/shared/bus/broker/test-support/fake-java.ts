import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before } from 'node:test'
import { silentLogger } from '../../../telemetry/logger.ts'
import { type BrokerProcess, type BrokerProcessOptions, startBrokerProcess } from '../broker-process.ts'

/** A shell script that stands in for Java while the tests of a file or a suite run. */
export interface FakeJava {
  /** Path below the folder that the script lies in, as does the properties file that it is given last; once the tests run. */
  path(name: string): string
  /** Puts another script in its place. */
  write(program: string): Promise<void>
  /** Starts it as a broker. */
  start(options?: Pick<BrokerProcessOptions, 'logFile' | 'signal'>): Promise<BrokerProcess>
}

/**
 * Puts a script in the place of Java for the tests around, by the search path of their environment; `beforeRemoval` runs after them,
 * while its folder is still there.
 */
export function useFakeJava(
  environment: NodeJS.ProcessEnv,
  program: string,
  beforeRemoval: () => Promise<void> = async () => {},
): FakeJava {
  let folder: string
  let searched: string | undefined
  const path = (name: string) => join(folder, name)
  const write = async (text: string) => {
    await writeFile(path('java'), text)
    await chmod(path('java'), 0o755)
  }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-java-'))
    await write(program)
    searched = environment['PATH']
    environment['PATH'] = [folder, searched].join(delimiter)
  })
  after(async () => {
    environment['PATH'] = searched
    await beforeRemoval()
    await rm(folder, { recursive: true })
  })
  return {
    path,
    write,
    start: (options) =>
      startBrokerProcess({
        jars: { classPath: '', classArchive: path('none.jsa') },
        propertiesFile: path('server.properties'),
        heapMb: 1,
        logger: silentLogger,
        ...options,
      }),
  }
}
