import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { lockFolder } from '../../files/lock-folder.ts'
import { makeFolder } from '../../files/make-folder.ts'
import { type Clock, systemClock } from '../../service/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { runProgram } from './run-program.ts'

/** What a broker on this machine runs from. */
export interface KafkaJars {
  /** Absolute paths of the jars joined by `:`, always in the same order. */
  readonly classPath: string
  /** Archive of loaded classes (class data sharing) of this Java and these jars; may not exist yet. */
  readonly classArchive: string
}

const pomFile = join(import.meta.dirname, 'pom.xml')
/** `.cache/kafka` of the project. */
const defaultFolder = join(import.meta.dirname, '..', '..', '..', '..', '.cache', 'kafka')
const javaNeeded = 17
const lockPatienceMs = 600_000
const installJava = `install Java ${javaNeeded} or newer (Debian: apt install openjdk-17-jre-headless).`
const installMaven = 'install Maven (Debian: apt install maven).'

/** One fetch per process: the lock of the folder keeps processes apart, not callers within one. */
const fetched = new Map<string, Promise<KafkaJars>>()

/**
 * The jars of Kafka, fetched by Maven into `.cache/kafka` at the first call ever (54 MB, about half a minute); later
 * calls find them there. A second process waits for the one that fetches. `failed_precondition` names a missing `mvn` or
 * `java`, `unavailable` carries Maven's last words.
 */
export function provideKafkaJars(logger: Logger, folder = defaultFolder): Promise<KafkaJars> {
  let providing = fetched.get(folder)
  if (providing === undefined) {
    providing = provide(folder, logger)
    fetched.set(folder, providing)
    providing.catch(() => fetched.delete(folder))
  }
  return providing
}

async function provide(folder: string, logger: Logger): Promise<KafkaJars> {
  const java = await checkJava()
  const pom = await readFile(pomFile)
  const home = join(folder, digest(pom))
  const libraries = join(home, 'libs')
  if (!existsSync(libraries)) {
    await withLock(folder, systemClock, async () => {
      if (!existsSync(libraries)) await fetchJars(home, logger)
    })
  }
  const names = (await readdir(libraries)).filter((name) => name.endsWith('.jar')).sort()
  return {
    classPath: names.map((name) => join(libraries, name)).join(':'),
    classArchive: join(home, `classes-${digest(Buffer.from(java))}.jsa`),
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
}

/** Text of `java -version`, of Java 17 or newer. */
async function checkJava(): Promise<string> {
  const text = await runProgram('java', ['-version'], { purpose: 'A Kafka broker', install: installJava })
  const major = Number(/version "(\d+)/.exec(text)?.[1])
  if (major >= javaNeeded) return text
  throw new PelletlineError(
    'failed_precondition',
    `A Kafka broker needs Java ${javaNeeded}; java on the PATH says: ${text.split('\n')[0]}; ${installJava}`,
  )
}

/** Fetches into a folder beside the final one and renames it: what is there is whole. */
async function fetchJars(home: string, logger: Logger): Promise<void> {
  logger.info({ folder: home }, 'fetching the jars of Apache Kafka by Maven, once (54 MB)')
  const partial = `${home}.partial`
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { recursive: true })
  await copyFile(pomFile, join(partial, 'pom.xml'))
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${join(partial, 'libs')}`]
  await runProgram('mvn', ['-B', '-q', '-ntp', ...goal], {
    cwd: partial,
    purpose: 'Fetching the jars of Kafka',
    install: installMaven,
  })
  await rm(home, { recursive: true, force: true })
  await rename(partial, home)
}

/** Does the work alone among the processes of this machine. */
export async function withLock(folder: string, clock: Pick<Clock, 'now' | 'sleep'>, work: () => Promise<void>) {
  await makeFolder(folder)
  const giveUpAt = clock.now() + lockPatienceMs
  for (;;) {
    const release = await lockFolder(folder).catch((thrown) => {
      const error = PelletlineError.from(thrown)
      if (error.code !== 'failed_precondition' || clock.now() > giveUpAt) throw error
      return undefined
    })
    if (release === undefined) {
      await clock.sleep(200)
      continue
    }
    try {
      return await work()
    } finally {
      await release()
    }
  }
}
