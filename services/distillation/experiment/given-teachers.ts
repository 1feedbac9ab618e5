import { basename, join } from 'node:path'
import type { CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { makeFolder } from '../../shared/files/make-folder.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import { cropSide } from '../../shared/inspection/crop.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import {
  type ModelManifest,
  modelSignature,
  precisionOf,
  readModelManifest,
  writeModelManifest,
} from '../../shared/onnx/model-manifest.ts'
import type { TeacherRecord } from '../train-network.ts'
import { type ExperimentFolder, identityOf, markDone, readDoneMark } from './experiment-folder.ts'

/** A teacher that was trained before: a model file with its manifest. */
export interface GivenTeacher {
  readonly path: string
  readonly manifest: ModelManifest
}

/**
 * Reads teachers that exist and checks that they can teach: file and manifest belong together, they take a crop's gray
 * values as they are and answer with one logit per class in our order. Errors as of `loadModel`; `failed_precondition`
 * naming the file and the member that differs; `invalid_argument` where two have one id, or one an id that a student has.
 */
export async function readGivenTeachers(
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<readonly GivenTeacher[]> {
  const found: GivenTeacher[] = []
  for (const path of paths) {
    const { manifest } = await loadModel(path, { signal })
    checkSignature(path, manifest)
    checkId(path, manifest.id, found)
    found.push({ path, manifest })
  }
  return found
}

function checkSignature(path: string, { input, output }: ModelManifest): void {
  const expected = {
    'input.name': [input.name, modelSignature.input.name],
    // Gray values as the camera gives them: the standardisation is inside the graph.
    'input.dtype': [input.dtype, modelSignature.input.dtype],
    'input.shape': [JSON.stringify(input.shape), JSON.stringify([null, 1, cropSide, cropSide])],
    'output.name': [output.name, modelSignature.output.name],
    'output.shape': [JSON.stringify(output.shape), JSON.stringify([null, modelSignature.classes.length])],
  }
  for (const [member, [is, valid]] of Object.entries(expected)) {
    if (is === valid) continue
    throw new PelletlineError(
      'failed_precondition',
      `${path} cannot teach: its manifest has ${member} ${is}, expected ${valid}: ` +
        'give a model that was exported by this program',
    )
  }
}

/** Ids that jobs of an experiment have, or may come to have. */
const ownIds = /^(plain|distilled|sweep|labels|noise)-|^teaching|^ensemble$/

function checkId(path: string, id: string, others: readonly GivenTeacher[]): void {
  const same = others.find(({ manifest }) => manifest.id === id)
  if (same === undefined && !ownIds.test(id)) return
  throw new PelletlineError(
    'invalid_argument',
    same === undefined
      ? `${path} is the model ${id}, which is what a student or a study of the experiment is called: export it under another id`
      : `${path} and ${same.path} are both the model ${id}: give each teacher once`,
  )
}

/** Refuses a teacher that was trained on the crops that it and its student are judged by: `failed_precondition`. */
export function refuseTeachersOfTheTest(teachers: readonly GivenTeacher[], { val, test }: CropSplits): void {
  for (const { path, manifest } of teachers) {
    const { train } = manifest.lineage.dataDigest
    const part = train === val.digest ? 'validation' : train === test.digest ? 'test' : undefined
    if (part === undefined) continue
    throw new PelletlineError(
      'failed_precondition',
      `${path} was trained on what is the ${part} part here (digest ${train}): use other data or another teacher`,
    )
  }
}

/** The mark of a given teacher is that of its file. */
const identityOfTeacher = ({ manifest }: GivenTeacher) => identityOf('given', manifest.id, manifest.sha256)

/**
 * Copies given teachers into the experiment's folder as finished jobs, so that it stays whole wherever they go. What is there already stays;
 * `failed_precondition` where the folder has another model of that id.
 */
export async function adoptTeachers(teachers: readonly GivenTeacher[], folder: ExperimentFolder): Promise<void> {
  for (const teacher of teachers) {
    const { id, sha256 } = teacher.manifest
    const dir = folder.modelDir(id)
    const identity = identityOfTeacher(teacher)
    const mark = await readDoneMark(dir)
    if (mark !== undefined && mark.identity !== identity) {
      throw new PelletlineError(
        'failed_precondition',
        `${dir} holds another model than ${teacher.path} (SHA-256 ${sha256}): ` +
          'give the teachers that the experiment began with, or choose another output folder',
      )
    }
    const target = join(dir, `${id}.onnx`)
    if (mark !== undefined) continue
    const { bytes, manifest } = await loadModel(teacher.path, { expectedSha256: sha256 })
    await makeFolder(dir)
    await writeFileAtomically(target, [new Uint8Array(bytes)])
    await writeModelManifest(target, manifest)
    const files = [{ precision: precisionOf(manifest), name: basename(target) }]
    await markDone(dir, { identity, keptEpoch: 0, history: [], files })
  }
}

/** The teachers of a student, by the model files that judged. */
export async function recordTeachers(modelPaths: readonly string[]): Promise<readonly TeacherRecord[]> {
  const records: TeacherRecord[] = []
  for (const path of modelPaths) {
    const { id, sha256, architecture } = await readModelManifest(path)
    records.push({ id, sha256, architecture })
  }
  return records
}
