import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { readReleasedModels } from '../shared/onnx/released-models.ts'

/** Folder of the released models. */
const releasedModels = fileURLToPath(new URL('../../models/', import.meta.url))

/**
 * Path of the ONNX file that a user means: a path of a file or of a folder with one model, an id of a released model
 * (`models/ID.onnx` or `models/ID/`), `student` or `teacher` for the student and the first teacher that
 * `models/index.json` names, or, where nothing is given, that student. Throws `not_found` that lists the ids there are.
 */
export async function resolveModel(idOrPath: string | undefined, folder = releasedModels): Promise<string> {
  const wanted = idOrPath ?? readDefaultStudent(folder)
  const candidates = [
    wanted,
    join(folder, `${wanted}.onnx`),
    join(folder, wanted),
    ...(wanted === 'student' || wanted === 'teacher' ? readReleasedRole(wanted, folder) : []),
  ]
  for (const candidate of candidates) {
    const found = await stat(candidate).catch(() => undefined)
    if (found?.isFile() === true) return candidate
    if (found?.isDirectory() !== true) continue
    const models = (await readdir(candidate)).filter((name) => name.endsWith('.onnx'))
    if (models.length === 1) return join(candidate, models[0]!)
    if (models.length > 1) {
      throw new PelletlineError(
        'invalid_argument',
        `Model folder ${candidate} holds ${models.length} models; name one of them: ${models.join(', ')}.`,
      )
    }
  }
  const known = await listReleasedModels(folder)
  throw new PelletlineError(
    'not_found',
    `There is no model "${wanted}", neither as a file nor among the released ones (${known.join(', ') || 'none'}); ` +
      'give one of these ids or the path of an ONNX file with its manifest beside it.',
  )
}

/** Ids of the models in the folder, in order: those that `resolveModel` takes. */
async function listReleasedModels(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const ids: string[] = []
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    if (entry.isDirectory()) {
      const names = await readdir(join(folder, entry.name)).catch(() => [])
      if (names.filter((name) => name.endsWith('.onnx')).length === 1) ids.push(entry.name)
    } else if (entry.name.endsWith('.onnx')) {
      ids.push(entry.name.slice(0, -'.onnx'.length))
    }
  }
  return ids.sort()
}

/** Path of the released student or of the first released teacher; none where nothing is released. */
function readReleasedRole(role: 'student' | 'teacher', folder: string): readonly string[] {
  try {
    const { student, teachers } = readReleasedModels(folder)
    return role === 'student' ? [student] : teachers.slice(0, 1)
  } catch (cause) {
    if (PelletlineError.from(cause).code === 'not_found') return []
    throw cause
  }
}

function readDefaultStudent(folder: string): string {
  try {
    return readReleasedModels(folder).student
  } catch (cause) {
    throw new PelletlineError(
      PelletlineError.from(cause).code,
      `No released student can be used: ${PelletlineError.from(cause).message} Or give a model with --model.`,
      { cause },
    )
  }
}
