import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Paths of the released models that a plant runs by default. */
export interface ReleasedModels {
  readonly student: string
  readonly teachers: readonly string[]
}

/** Reads `index.json` of the models' folder: which released model is the student, which are the teachers. */
export function readReleasedModels(modelsDir: string): ReleasedModels {
  const path = join(modelsDir, 'index.json')
  if (!existsSync(path)) {
    throw new PelletlineError(
      'not_found',
      `No ${path}: the folder names no released models. Restore it from git, or name another folder with --models-dir.`,
    )
  }
  const index: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const { student, teachers } = index as { student?: unknown; teachers?: unknown }
  if (typeof student !== 'string' || !Array.isArray(teachers) || teachers.some((id) => typeof id !== 'string')) {
    throw new PelletlineError(
      'invalid_argument',
      `${path} must be {"student": "ID", "teachers": ["ID", ...]}. Restore it from git.`,
    )
  }
  const pathOf = (id: string) => join(modelsDir, `${id}.onnx`)
  return { student: pathOf(student), teachers: teachers.map(pathOf) }
}

/** The index of the models that came with this program. */
const ownIndex = new URL('../../../models/index.json', import.meta.url)

/**
 * SHA-256 of the manifests of the models that came with this program; empty where it came without. A manifest pins its model, so
 * these need no signature: whoever could exchange the index could exchange the program.
 */
export function readReleasedManifests(index: URL = ownIndex): ReadonlySet<string> {
  if (!existsSync(index)) return new Set()
  const { manifests } = JSON.parse(readFileSync(index, 'utf8')) as { manifests?: Readonly<Record<string, string>> }
  return new Set(Object.values(manifests ?? {}))
}
