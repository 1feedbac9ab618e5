import type { ModelRef } from '../../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { ModelAssignment } from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import type { ModelWish } from './change-models.ts'

type Kind = ModelWish['kind']

const names = {
  load: 'load',
  unload: 'unload',
  shadow: 'shadow',
  canary: 'canary',
  promote: 'promotion',
  rollback: 'rollback',
} as const satisfies Record<Kind, string>

/** What a failed change that stands is told by. */
export interface LeftBehind {
  /** Why it was not taken back. */
  readonly cause: PelletlineError
  readonly model: ModelRef
  /** Assigned to judge before the change; undefined: the configured one, or not known. */
  readonly judged: ModelRef | undefined
  /** Undefined where it cannot be read. */
  readonly inForce: ModelAssignment | undefined
}

/** Who judges by an assignment, and who else has a role, in a few words. */
function tellInForce({ generation, live, canary, shadow }: ModelAssignment): string {
  const roles = [
    `${live?.id ?? 'the configured model'} judges`,
    ...(canary?.model === undefined ? [] : [`${canary.model.id} is the canary`]),
    ...(shadow?.model === undefined ? [] : [`${shadow.model.id} is in shadow`]),
  ]
  return `generation ${generation} is in force: ${roles.join(', ')}`
}

/** The command that ends what a failed change has left, by the part of it that is in force. */
function mendingCommand(kind: Kind, { model, judged }: LeftBehind, inForce: ModelAssignment): string {
  const has = (other: ModelRef | undefined) => other?.id === model.id && other.sha256 === model.sha256
  if (has(inForce.live)) return kind === 'rollback' ? `models promote ${judged?.id ?? 'ID'}` : 'models rollback'
  if (has(inForce.canary?.model)) return 'models canary --off'
  if (has(inForce.shadow?.model)) return 'models shadow --off'
  return inForce.held.some(has) ? `models unload ${model.id}` : 'models list'
}

const failedAs = (failure: PelletlineError, text: string, cause: unknown) =>
  new PelletlineError(failure.code, `${failure.message} ${text}`, { retryable: failure.retryable, cause })

/** The failure of a change whose second step failed and that has been taken back. */
export function takenBack(failure: PelletlineError, kind: Kind, inForce: ModelAssignment): PelletlineError {
  return failedAs(failure, `The ${names[kind]} was taken back; ${tellInForce(inForce)}.`, failure)
}

/** Why a change is not taken back where another one has been made since. */
export function superseded({ generation }: ModelAssignment): PelletlineError {
  return new PelletlineError('failed_precondition', `another change has made generation ${generation} since`)
}

/** The failure of a change that could not be taken back either, with what is in force, where that is known, and what mends it. */
export function notTakenBack(failure: PelletlineError, kind: Kind, left: LeftBehind): PelletlineError {
  const { cause, inForce } = left
  const why = `The ${names[kind]} could not be taken back (${cause.message.replace(/\.$/, '')})`
  if (inForce === undefined) {
    const text = `${why}, and what is in force cannot be read; look with \`pelletline models list\` once the database answers.`
    return failedAs(failure, text, cause)
  }
  const command = mendingCommand(kind, left, inForce)
  return failedAs(failure, `${why}; ${tellInForce(inForce)}. End it with \`pelletline ${command}\`.`, cause)
}
