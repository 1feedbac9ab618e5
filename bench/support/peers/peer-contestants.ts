import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { manifestPath, precisionOf, readModelManifest } from '../../../services/shared/onnx/model-manifest.ts'
import { readReleasedModels } from '../../../services/shared/onnx/released-models.ts'
import { chooseFreePort } from '../../../services/shared/service/choose-free-port.ts'
import { installPeer } from './install-peer.ts'
import { type PeerSystem, peerSystems } from './peer-systems.ts'
import type { SystemDescription } from './peers-report.ts'
import type { ServerCommand } from './server-process.ts'
import type { BenchModel } from './write-bench-model.ts'

/** A system that can be started, or is known not to be: `prepare` rejects saying why. */
export interface PeerContestant {
  readonly description: SystemDescription
  /** Installs what is needed and says how the server is started. */
  prepare(): Promise<ServerCommand>
}

export interface ContestantOptions {
  /** The fp32 file that all serve. */
  readonly model: BenchModel
  /** Folder for what servers write. */
  readonly folder: string
  readonly modelsDir: string
  /** The int8 student; default: the released one, or the one beside it. */
  readonly int8: string | undefined
}

/** Names that `--only` takes. */
export const contestantNames = ['ours', 'ours-int8', ...peerSystems.map(({ name }) => name)]

/** Ours on both files, then every peer. */
export async function listContestants(options: ContestantOptions): Promise<PeerContestant[]> {
  const { model } = options
  return [
    createOwn('ours', 'fp32', model.id, async () => model.modelPath, options),
    await createInt8(options),
    ...peerSystems.map((system) => createPeer(system, options)),
  ]
}

const ownMain = join(import.meta.dirname, '../../../services/student-inference/main.ts')

function createOwn(
  name: string,
  precision: SystemDescription['precision'],
  id: string,
  findModel: () => Promise<string>,
  { folder }: ContestantOptions,
): PeerContestant {
  const description: SystemDescription = {
    name,
    title: 'Pelletline',
    whose: 'ours',
    version: 'this tree',
    model: id,
    precision,
    protocol: 'gRPC',
    batching: 'fair queue, what has queued',
  }
  const prepare = async (): Promise<ServerCommand> => {
    const modelPath = await findModel()
    const { home, port } = await findPlace(folder, name)
    const config = join(home, 'student-inference.yaml')
    const listen = `127.0.0.1:${port}`
    await writeFile(config, JSON.stringify({ listen, restListen: 'off', logLevel: 'error', student: { modelPath } }))
    const endpoint = { protocol: 'gRPC', port } as const
    return {
      title: `Pelletline, ${precision}`,
      command: process.execPath,
      args: [ownMain, config],
      folder: home,
      endpoint,
    }
  }
  return { description, prepare }
}

async function createInt8(options: ContestantOptions): Promise<PeerContestant> {
  const found = await findInt8(options)
  if (found !== undefined) return createOwn('ours-int8', 'int8', found.id, async () => found.modelPath, options)
  const refuse = async () => {
    throw new PelletlineError('not_found', 'no released int8 student was found; name one by --int8 FILE')
  }
  return createOwn('ours-int8', 'int8', 'none', refuse, options)
}

async function findInt8({ int8, modelsDir }: ContestantOptions) {
  if (int8 !== undefined) return { id: (await readModelManifest(int8)).id, modelPath: int8 }
  const released = readReleasedModels(modelsDir).student
  for (const modelPath of [released, released.replace(/\.onnx$/, '-int8.onnx')]) {
    if (!existsSync(manifestPath(modelPath))) continue
    const manifest = await readModelManifest(modelPath)
    if (precisionOf(manifest) === 'int8') return { id: manifest.id, modelPath }
  }
  return undefined
}

function createPeer(system: PeerSystem, { model, folder }: ContestantOptions): PeerContestant {
  const { name, title, version, protocol, batching, script } = system
  const prepare = async (): Promise<ServerCommand> => {
    const python = await installPeer(system)
    if ('reason' in python) throw new PelletlineError('unavailable', python.reason)
    const { home, port } = await findPlace(folder, name)
    const args = [script, model.modelPath, `${port}`]
    return { title, command: python.python, args, folder: home, endpoint: { protocol, port } }
  }
  return {
    description: {
      name,
      title,
      whose: 'peer',
      version,
      model: model.id,
      precision: 'fp32',
      protocol,
      batching,
    },
    prepare,
  }
}

async function findPlace(folder: string, name: string): Promise<{ readonly home: string; readonly port: number }> {
  const home = join(folder, name)
  await mkdir(home, { recursive: true })
  return { home, port: await chooseFreePort() }
}
