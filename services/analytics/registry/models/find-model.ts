import type { ModelRef } from '../../../gen/pelletline/inspection/v1/inspection_pb.ts'
import {
  type ModelAssignment,
  ModelState,
  type ModelStatus,
  type StudentModels,
} from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { nameFew } from '../../../shared/onnx/store/name-few.ts'
import { modelsOf } from './change-models.ts'

/** Throws `failed_precondition` where no student has reported. */
export function requireStudents(students: readonly StudentModels[]): void {
  if (students.length > 0) return
  const text = 'No student has reported lately, so no model can be loaded; start one, and look at its log.'
  throw new PelletlineError('failed_precondition', text)
}

/**
 * The model that judges: the assigned one, or what all students have configured. Throws `failed_precondition` where nothing is
 * assigned and students differ or none judges.
 */
export function judgingModel(assignment: ModelAssignment, students: readonly StudentModels[]): ModelRef {
  if (assignment.live !== undefined) return assignment.live
  const live = students.map((student) => student.live)
  const [first] = live
  if (first !== undefined && live.every((model) => model?.id === first.id && model.sha256 === first.sha256))
    return first
  const names = students.map((student) => `${student.instance}: ${student.live?.id ?? 'none yet'}`).join(', ')
  throw new PelletlineError(
    'failed_precondition',
    `Nothing is assigned, and students do not agree on a model (${names}); wait until all are warm, or configure the same for all.`,
  )
}

/**
 * The model of an id, in what is assigned or else in the students' stores. Throws `not_found`, listing what there is, and
 * `failed_precondition` where students have different files under that id, weights or manifests, or a student cannot take it.
 */
export function findModel(id: string, assignment: ModelAssignment, students: readonly StudentModels[]): ModelRef {
  const assigned = modelsOf(assignment).find((model) => model.id === id)
  const found = students.flatMap(({ instance, models }) =>
    models.filter(({ model }) => model?.id === id).map((status) => ({ instance, status })),
  )
  const requireOne = (what: string, digests: readonly string[]) => {
    const different = new Set(digests.filter((digest) => digest !== '')).size
    if (different <= 1) return
    throw new PelletlineError(
      'failed_precondition',
      `Students have ${different} different ${what} under the id ${id}; give each model an id of its own, or put the same files into all stores.`,
    )
  }
  requireOne(
    'files',
    found.map(({ status }) => status.model?.sha256 ?? ''),
  )
  requireOne(
    'manifests (threshold and calibration are in them)',
    found.map(({ status }) => status.manifestSha256),
  )
  const [model] = found.map(({ status }) => status.model).filter((ref) => ref?.sha256 !== '')
  if (model !== undefined) return model
  if (assigned !== undefined) return assigned
  const broken = found.find(({ status }) => status.reason !== '')
  if (broken !== undefined) throw refusal(id, broken.instance, broken.status)
  const known = [...new Set(students.flatMap(({ models }) => models.map((status) => status.model?.id ?? '')))]
  throw new PelletlineError(
    'not_found',
    `No student has a model ${id} in its store; there are ${nameFew(known.sort(), 'none')}. Put ID.onnx and ID.manifest.json into the store.`,
  )
}

/** Why a model is not taken, by the student that says so. */
export function refusal(id: string, instance: string, { reason }: Pick<ModelStatus, 'reason'>): PelletlineError {
  return new PelletlineError('failed_precondition', `Student ${instance} refuses model ${id}: ${reason}`)
}

/** How far the students are with an assignment. */
export type Progress =
  | { readonly kind: 'done' }
  /** On students, or, where there is none, on one that reports. */
  | { readonly kind: 'waiting'; readonly on: readonly string[] }
  | { readonly kind: 'refused'; readonly instance: string; readonly status: ModelStatus }

/**
 * Looks whether every student has taken up a generation and has `model` ready, or one refuses it; a pure function. Where no
 * student reports it is not known, so it is waited for one.
 */
export function progressOf(
  generation: bigint,
  model: ModelRef | undefined,
  students: readonly StudentModels[],
  judges: boolean,
): Progress {
  const waiting: string[] = []
  for (const { instance, generation: taken, models, live } of students) {
    if (taken < generation) {
      waiting.push(instance)
      continue
    }
    if (model === undefined) continue
    const status = models.find((entry) => entry.model?.id === model.id && entry.model.sha256 === model.sha256)
    if (status?.state === ModelState.REFUSED || status?.state === ModelState.FAILED) {
      return { kind: 'refused', instance, status }
    }
    const ready = status?.state === ModelState.READY
    const judging = live?.id === model.id && live.sha256 === model.sha256
    if (!ready || (judges && !judging)) waiting.push(instance)
  }
  return students.length > 0 && waiting.length === 0 ? { kind: 'done' } : { kind: 'waiting', on: waiting }
}
