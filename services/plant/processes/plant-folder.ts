import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { lockFolder } from '../../shared/files/lock-folder.ts'
import { makeFolder } from '../../shared/files/make-folder.ts'
import type { ProcessName, ServiceName } from './service-starts.ts'

/** Where the processes of a plant keep what they keep. */
export interface PlantFolder {
  readonly path: string
  /** Data of the broker. */
  readonly kafka: string
  /** Configurations of the processes. */
  readonly config: string
  /** Describes the running plant: `plant.json`. */
  readonly stateFile: string
  configOf(name: ProcessName): string
  logOf(name: ProcessName | 'broker'): string
  /** Address of a service's socket. */
  socketOf(name: ServiceName): string
  /** Gives the folder back; an ephemeral one is removed. */
  release(): Promise<void>
}

export interface PlantFolderOptions {
  /** Kept between runs; a temporary folder where absent. */
  readonly directory: string | undefined
}

/** Longest path of a unix socket on Linux, bytes. */
const maxSocketPath = 107

/**
 * Opens the folder of a plant for this process alone. Throws `failed_precondition` that names the folder and the process
 * which uses it already.
 */
export async function openPlantFolder({ directory }: PlantFolderOptions): Promise<PlantFolder> {
  const temporary: string[] = []
  const makeTemporary = async (name: string) => {
    const path = await mkdtemp(join(tmpdir(), `pelletline-${name}-`))
    temporary.push(path)
    return path
  }
  const removeTemporary = async () => {
    for (const path of temporary) await rm(path, { recursive: true, force: true })
  }
  const path = directory === undefined ? await makeTemporary('plant') : resolve(directory)
  await makeFolder(path)
  // The database may run as another user, who has to pass through to its own folder.
  if (directory === undefined) await chmod(path, 0o711)
  const unlock = await lockFolder(path)
  try {
    for (const part of ['config', 'logs', 'run']) await makeFolder(join(path, part))
    const longest = join(path, 'run', 'student-inference.sock')
    const sockets = Buffer.byteLength(longest) > maxSocketPath ? await makeTemporary('run') : join(path, 'run')
    return {
      path,
      kafka: join(path, 'kafka'),
      config: join(path, 'config'),
      stateFile: join(path, 'run', 'plant.json'),
      configOf: (name) => join(path, 'config', `${name}.json`),
      logOf: (name) => join(path, 'logs', `${name}.log`),
      socketOf: (name) => `unix:${join(sockets, `${name}.sock`)}`,
      async release() {
        await unlock()
        await removeTemporary()
      },
    }
  } catch (reason) {
    await unlock()
    await removeTemporary()
    throw reason
  }
}
