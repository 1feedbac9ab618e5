import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { takeTurns } from './take-turns.ts'

const execute = promisify(execFile)
const root = dirname(dirname(import.meta.dirname))

/** A program that is built from its Go module. */
export interface GoTool {
  /** Name of the executable. */
  readonly name: string
  /** Path of its main package. */
  readonly package: string
  /** Exact version of the module, e.g. `v4.3.1`. */
  readonly version: string
  /** Its module and the checksum that the module must have, as in a go.sum; Go's own database vouches for it where absent. */
  readonly module?: { readonly path: string; readonly sum: string }
  /** How long a first build takes on two cores, as a reader is told. */
  readonly takes: string
  /** Values that its release build sets by the linker: `PACKAGE.VARIABLE=VALUE`. */
  readonly define?: readonly string[]
}

async function findGo(tool: GoTool): Promise<void> {
  const { name, version } = tool
  try {
    await execute('go', ['version'])
  } catch (cause) {
    throw new PelletlineError(
      'failed_precondition',
      `${name} ${version} is built by Go, and there is no \`go\` on the PATH. Install Go 1.26 or newer and run the command again.`,
      { cause },
    )
  }
}

/** Fetches the module and holds it to its checksum; throws `data_loss` where it is another. */
async function checkModule({ name, version, module }: GoTool): Promise<void> {
  if (module === undefined) return
  const { stdout } = await execute('go', ['mod', 'download', '-json', `${module.path}@${version}`], { cwd: root })
  const { Sum: found } = JSON.parse(stdout) as { readonly Sum?: string }
  if (found === module.sum) return
  const text = `The module of ${name} ${version} has the checksum ${found}; expected ${module.sum}: do not build it, and find out who changed it.`
  throw new PelletlineError('data_loss', text)
}

async function build(tool: GoTool, folder: string): Promise<void> {
  const { name, version, define = [] } = tool
  const fresh = join(folder, `build-${process.pid}`)
  await mkdir(fresh, { recursive: true })
  process.stderr.write(`pelletline: building ${name} ${version} with Go (${tool.takes}, once)\n`)
  const linker = ['-s', '-w', ...define.flatMap((value) => ['-X', value])].join(' ')
  try {
    await checkModule(tool)
    const args = [
      'install',
      '-trimpath',
      `-p=${availableParallelism()}`,
      `-ldflags=${linker}`,
      `${tool.package}@${version}`,
    ]
    // Low priority: whatever else runs on the machine, tests above all, goes first.
    await execute('nice', ['-n', '15', 'go', ...args], {
      env: { ...process.env, GOBIN: fresh },
      maxBuffer: 2 ** 26,
    })
    await rename(join(fresh, name), join(folder, name))
  } catch (cause) {
    if (cause instanceof PelletlineError) throw cause
    const said = (cause as { stderr?: string }).stderr?.trim().split('\n').slice(-3).join('\n') || String(cause)
    throw new PelletlineError(
      'unavailable',
      `${name} ${version} could not be built: ${said}\nCheck that Go's module proxy is reachable and run the command again.`,
      { cause },
    )
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/**
 * Path of the tool below `.cache/tools`, built there by the first call; calls of other processes wait meanwhile. Throws
 * `failed_precondition` where there is no Go, `unavailable` where the build fails.
 */
export async function installGoTool(tool: GoTool): Promise<string> {
  const folder = join(root, '.cache', 'tools', `${tool.name}-${tool.version}`)
  const program = join(folder, tool.name)
  if (existsSync(program)) return program
  await findGo(tool)
  return takeTurns(`${folder}.lock`, async () => {
    if (!existsSync(program)) await build(tool, folder)
    return program
  })
}
