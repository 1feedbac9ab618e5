// Releases the networks of an experiment: node_modules/.bin/node scripts/release-models.ts --experiment DIR --release N
// Copies the distilled student in each of its precisions, the plain one (for comparison, in the precision that is served) and the
// teachers into models/ as NAME-N, with manifests that carry these names, curves and the report's JSON, and names student and
// teachers in models/index.json. Teachers that were given to the experiment are released already: they keep their names. A model that was
// trained from a working tree with changes of its own, which no commit holds, is refused unless --allow-dirty is given.
import { existsSync } from 'node:fs'
import { copyFile, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseExperimentConfig } from '../services/distillation/experiment/experiment-config.ts'
import { doneSchema, experimentSchema } from '../services/distillation/experiment/folder-manifest.ts'
import { variantId } from '../services/distillation/export/export-variants.ts'
import { teacherNames } from '../services/distillation/networks/create-network.ts'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { writeFileAtomically } from '../services/shared/files/write-file-atomically.ts'
import { loadModel } from '../services/shared/onnx/load-model.ts'
import {
  type ModelPrecision,
  manifestPath,
  readModelManifest,
  writeModelManifest,
} from '../services/shared/onnx/model-manifest.ts'
import { digestOfManifest } from '../services/shared/onnx/signing/judge-trust.ts'

const { values } = parseArgs({
  options: {
    experiment: { type: 'string' },
    release: { type: 'string' },
    student: { type: 'string', default: 'distilled-1' },
    /** `none` leaves it out. */
    plain: { type: 'string', default: 'plain-1' },
    /** Which precision a plant runs by default. */
    precision: { type: 'string', default: 'int8' },
    /** Release what no commit can train again. */
    'allow-dirty': { type: 'boolean', default: false },
    'models-dir': { type: 'string', default: join(import.meta.dirname, '../models') },
  },
})
const { experiment, release, student, plain, precision, 'models-dir': modelsDir, 'allow-dirty': allowDirty } = values
if (experiment === undefined || !/^[1-9]\d*$/.test(release ?? '')) {
  throw new PelletlineError('invalid_argument', 'give --experiment DIR and --release N, a whole number from 1')
}

const given = await readGiven()
// Before anything is copied: a release is whole or none.
if (!allowDirty) {
  const jobs = [student, ...(plain === 'none' ? [] : [plain]), ...(given === null ? teacherNames : [])]
  for (const job of jobs) await refuseDirty(job)
}
const students = await releaseModel(student, `student-${release}`)
const served = students.get(precision as ModelPrecision)
if (served === undefined) {
  const found = [...students.keys()].join(', ')
  throw new PelletlineError(
    'failed_precondition',
    `${student} was exported as ${found}, not as ${precision}: name one of these`,
  )
}
if (plain !== 'none') await releaseModel(plain, `student-plain-${release}`, [precision as ModelPrecision])
const teachers = await releaseTeachers()
const report = join(experiment, 'report', 'report.json')
if (existsSync(report)) await copyFile(report, join(modelsDir, `report-${release}.json`))
else process.stdout.write(`${report} is not there: the experiment is not at its end, no report is released\n`)
const manifests: Record<string, string> = {}
for (const name of (await readdir(modelsDir)).filter((file) => file.endsWith('.onnx')).sort()) {
  const path = join(modelsDir, name)
  manifests[name.slice(0, -'.onnx'.length)] = digestOfManifest(await readFile(manifestPath(path)))
}
// Pinned by the index, released models need no signature: see docs/decisions/0021.
await writeFileAtomically(join(modelsDir, 'index.json'), [
  `${JSON.stringify({ student: served, teachers, manifests }, undefined, 2)}\n`,
])
process.stdout.write(`models/index.json: student ${served}, teachers ${teachers.join(', ')}\n`)

/** Ids of the teachers: those of the experiment are copied, given ones must be those that are released. */
async function releaseTeachers(): Promise<readonly string[]> {
  const ids: string[] = []
  if (given === null) {
    for (const name of teacherNames) {
      const files = await releaseModel(name, `${name}-${release}`)
      ids.push([...files.values()][0]!)
    }
    return ids
  }
  for (const { id, sha256 } of await teachersOfStudent()) {
    await loadModel(join(modelsDir, `${id}.onnx`), { expectedSha256: sha256 })
    ids.push(id)
  }
  return ids
}

/** The model files that taught in the experiment; null: its teachers were trained in it. */
async function readGiven(): Promise<readonly string[] | null> {
  const path = join(experiment!, 'experiment.json')
  const { config } = experimentSchema.parse(JSON.parse(await readFile(path, 'utf8')))
  return parseExperimentConfig(config, path).teachers.given
}

/** `failed_precondition` where a file of a job was trained by a program that no commit holds. */
async function refuseDirty(job: string): Promise<void> {
  const dir = join(experiment!, 'models', job)
  const { files } = await readDone(dir)
  for (const { name } of files) {
    const path = join(dir, name)
    const { commit } = (await readModelManifest(path)).lineage
    if (!commit.endsWith('-dirty')) continue
    throw new PelletlineError(
      'failed_precondition',
      `${path} was trained at commit ${commit}, from a working tree with changes that no commit holds: ` +
        'train it from a committed one, or release it all the same with --allow-dirty',
    )
  }
}

async function readDone(dir: string) {
  return doneSchema.parse(JSON.parse(await readFile(join(dir, 'done.json'), 'utf8')))
}

/** Who taught the student, by its manifest. */
async function teachersOfStudent(): Promise<readonly { readonly id: string; readonly sha256: string }[]> {
  const { lineage } = await readModelManifest(join(experiment!, 'models', student, `${student}.onnx`))
  const records = lineage.options['teachers']
  if (Array.isArray(records)) return records
  throw new PelletlineError(
    'failed_precondition',
    `${student} was not taught by given teachers: name a distilled student`,
  )
}

/** Copies one network's files under its released name; returns the released ids by precision, the main one first. */
async function releaseModel(
  job: string,
  name: string,
  precisions: readonly ModelPrecision[] = ['float16', 'int8', 'int8Weights'],
): Promise<ReadonlyMap<ModelPrecision, string>> {
  const dir = join(experiment!, 'models', job)
  const done = await readDone(dir)
  const released = new Map<ModelPrecision, string>()
  for (const [i, file] of done.files.entries()) {
    // float32 has the float16 file's figures at twice its size.
    if (!precisions.includes(file.precision)) continue
    const id = variantId(name, file.precision, i === 0)
    const target = join(modelsDir, `${id}.onnx`)
    await copyFile(join(dir, file.name), target)
    await writeModelManifest(target, { ...(await readModelManifest(join(dir, file.name))), id })
    released.set(file.precision, id)
  }
  for (const ending of ['csv', 'png'])
    await copyFile(join(dir, `curves.${ending}`), join(modelsDir, `${name}.curves.${ending}`))
  return released
}
