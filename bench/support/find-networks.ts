import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { loadModel } from '../../services/shared/onnx/load-model.ts'
import { type ModelManifest, precisionOf, readModelManifest } from '../../services/shared/onnx/model-manifest.ts'
import { readReleasedModels } from '../../services/shared/onnx/released-models.ts'

/** A released network as it is served. */
export interface FoundNetwork {
  /** What it is called in the bench: the architecture, and `student int8` for the student in integers. */
  readonly kind: string
  readonly path: string
  readonly manifest: ModelManifest
  readonly bytes: Uint8Array<ArrayBuffer>
}

/**
 * The released student that computes in floats, the same in integers, and the teachers, each by what its manifest says of its
 * precision. Of the two students one is what the folder's index names, the other its sibling from the same training. `not_found`
 * where one of them, or a teacher of one of `teachers`, is not there; otherwise errors as of `loadModel`.
 */
export async function findNetworks(modelsDir: string, teachers: readonly string[]): Promise<readonly FoundNetwork[]> {
  const released = readReleasedModels(modelsDir)
  const pair = await findStudents(released.student, modelsDir)
  const found = [await open('student', pair.floats), await open('student int8', pair.integers)]
  const manifests = await Promise.all(
    released.teachers.map(async (path) => ({ path, manifest: await readModelManifest(path) })),
  )
  for (const architecture of teachers) {
    const teacher = manifests.find(({ manifest }) => manifest.architecture === architecture)
    if (teacher === undefined) {
      throw new PelletlineError(
        'not_found',
        `${modelsDir} names no teacher that is a ${architecture}: name another folder with --models-dir`,
      )
    }
    found.push(await open(architecture, teacher.path))
  }
  return found
}

async function open(kind: string, path: string): Promise<FoundNetwork> {
  const { manifest, bytes } = await loadModel(path)
  return { kind, path, manifest, bytes: Uint8Array.from(new Uint8Array(bytes)) }
}

const isInteger = (manifest: ModelManifest) => precisionOf(manifest) === 'int8'

/** Paths of the student that the index names and of its sibling of the other kind. */
async function findStudents(student: string, modelsDir: string) {
  const own = await readModelManifest(student)
  const sibling = await findSibling(own, modelsDir)
  return isInteger(own) ? { floats: sibling, integers: student } : { floats: student, integers: sibling }
}

/** Another file of the same training: in floats where the given one is in integers, or the other way round. */
async function findSibling(own: ModelManifest, modelsDir: string): Promise<string> {
  const names = (await readdir(modelsDir)).filter((name) => name.endsWith('.onnx')).sort()
  for (const name of names) {
    const path = join(modelsDir, name)
    const other = await readModelManifest(path)
    if (other.architecture === own.architecture && isInteger(other) !== isInteger(own) && isSameTraining(own, other))
      return path
  }
  throw new PelletlineError(
    'not_found',
    `${modelsDir} has ${own.id}, but not the same training in ${isInteger(own) ? 'floats' : 'int8'}: ` +
      'release it beside, or name another folder with --models-dir',
  )
}

function isSameTraining({ lineage: a }: ModelManifest, { lineage: b }: ModelManifest): boolean {
  return a.seed === b.seed && a.dataDigest.train === b.dataDigest.train && a.options['id'] === b.options['id']
}
