import { create } from '@bufbuild/protobuf'
import { type ModelRef, ModelRefSchema } from '../../../gen/pelletline/inspection/v1/inspection_pb.ts'
import {
  type ModelAssignment,
  ModelAssignmentSchema,
  ModelCanarySchema,
  ModelShadowSchema,
} from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'

/** What a caller wants of the models. */
export type ModelWish =
  | { readonly kind: 'load' | 'unload' | 'promote'; readonly model: ModelRef }
  | { readonly kind: 'shadow'; readonly model: ModelRef | undefined; readonly share: number }
  | {
      readonly kind: 'canary'
      readonly model: ModelRef | undefined
      readonly share: number
      readonly lines: readonly string[]
    }
  | { readonly kind: 'rollback' }

/** The assignment that follows, and the models between which a role has passed; empty: none. */
export interface ModelStep {
  readonly next: ModelAssignment
  readonly from: string
  readonly to: string
}

/** Promotions that can be taken back. */
const maxBefore = 16

const same = (a: ModelRef | undefined, b: ModelRef | undefined) => a?.id === b?.id && a?.sha256 === b?.sha256
const refuse = (text: string) => new PelletlineError('failed_precondition', text)

/** Models that the assignment names, each once, the one that judges first. */
export function modelsOf(assignment: ModelAssignment): readonly ModelRef[] {
  const all = [assignment.live, assignment.canary?.model, assignment.shadow?.model, ...assignment.held]
  return all.filter(
    (model, at) => model !== undefined && all.findIndex((other) => same(other, model)) === at,
  ) as ModelRef[]
}

/** The same with a model kept in memory, or not, beside those with a role. */
function hold(assignment: ModelAssignment, add: readonly (ModelRef | undefined)[], drop?: ModelRef): ModelAssignment {
  const roles = [assignment.live, assignment.canary?.model, assignment.shadow?.model]
  const kept = [...assignment.held, ...add].filter(
    (model): model is ModelRef => model !== undefined && !same(model, drop) && !roles.some((role) => same(role, model)),
  )
  const held = kept.filter((model, at) => kept.findIndex((other) => same(other, model)) === at)
  return create(ModelAssignmentSchema, { ...assignment, held })
}

function without(assignment: ModelAssignment, role: 'shadow' | 'canary'): ModelAssignment {
  const { [role]: _, ...rest } = assignment
  return create(ModelAssignmentSchema, rest)
}

/**
 * Decides what follows from a wish: a pure function. `judging` is the model that judges now; where the assignment names none it is
 * the configured one, which students agree on. What a model leaves a role for stays in memory. Throws `failed_precondition`
 * where the wish does not fit, naming the next step.
 */
export function changeModels(assignment: ModelAssignment, judging: ModelRef, wish: ModelWish): ModelStep {
  const { canary, shadow, before } = assignment
  const step = (next: ModelAssignment, from: ModelRef | undefined, to: ModelRef | undefined): ModelStep => ({
    next: create(ModelAssignmentSchema, { ...next, generation: assignment.generation + 1n }),
    from: from?.id ?? '',
    to: to?.id ?? '',
  })
  switch (wish.kind) {
    case 'load':
      return step(same(wish.model, judging) ? assignment : hold(assignment, [wish.model]), undefined, wish.model)
    case 'unload': {
      const { model } = wish
      if (same(model, judging)) throw refuse(`Model ${model.id} judges; promote another one before it is unloaded.`)
      if (same(model, canary?.model))
        throw refuse(`Model ${model.id} is the canary; end that with \`models canary --off\` first.`)
      if (same(model, shadow?.model))
        throw refuse(`Model ${model.id} is in shadow; end that with \`models shadow --off\` first.`)
      if (!assignment.held.some((held) => same(held, model)))
        throw refuse(`Model ${model.id} is not loaded; load it with \`models load\`.`)
      return step(hold(assignment, [], model), model, undefined)
    }
    case 'shadow': {
      const { model, share } = wish
      const ended = hold(without(assignment, 'shadow'), [shadow?.model])
      if (model === undefined) return step(ended, shadow?.model, undefined)
      if (same(model, judging)) throw refuse(`Model ${model.id} judges; a shadow is another model.`)
      if (same(model, canary?.model))
        throw refuse(`Model ${model.id} is the canary; end that with \`models canary --off\` first.`)
      const next = create(ModelAssignmentSchema, { ...ended, shadow: create(ModelShadowSchema, { model, share }) })
      return step(hold(next, []), shadow?.model, model)
    }
    case 'canary': {
      const { model, share, lines } = wish
      const ended = hold(without(assignment, 'canary'), [canary?.model])
      if (model === undefined) return step(ended, canary?.model, undefined)
      if (same(model, judging)) throw refuse(`Model ${model.id} judges everything; a canary is another model.`)
      const free = same(model, shadow?.model) ? without(ended, 'shadow') : ended
      const on = create(ModelCanarySchema, { model, share, lines: [...lines] })
      const next = create(ModelAssignmentSchema, { ...free, canary: on })
      return step(hold(next, []), canary?.model, model)
    }
    case 'promote':
      if (same(wish.model, judging)) throw refuse(`Model ${wish.model.id} judges already.`)
      return step(judgeBy(assignment, judging, wish.model, [...before, judging].slice(-maxBefore)), judging, wish.model)
    case 'rollback': {
      const target = before.at(-1)
      if (target === undefined) throw refuse(`Nothing was promoted that could be taken back; ${judging.id} judges.`)
      return step(judgeBy(assignment, judging, target, before.slice(0, -1)), judging, target)
    }
    default:
      return wish satisfies never
  }
}

/** Lets a model judge; it leaves any other role, and the one before stays in memory. */
function judgeBy(assignment: ModelAssignment, judging: ModelRef, model: ModelRef, before: ModelRef[]): ModelAssignment {
  let next = assignment
  if (same(model, next.canary?.model)) next = without(next, 'canary')
  if (same(model, next.shadow?.model)) next = without(next, 'shadow')
  return hold(create(ModelAssignmentSchema, { ...next, live: model, before }), [judging], model)
}

/** Whether `withdraw` takes a model out of anything. */
export function isWithdrawable({ canary, shadow, held }: ModelAssignment, model: ModelRef): boolean {
  return [canary?.model, shadow?.model, ...held].some((other) => same(other, model))
}

/** The assignment without a model that students refused, in whatever role that does not judge. */
export function withdraw(assignment: ModelAssignment, model: ModelRef): ModelAssignment {
  let next = assignment
  if (same(model, next.canary?.model)) next = without(next, 'canary')
  if (same(model, next.shadow?.model)) next = without(next, 'shadow')
  return create(ModelAssignmentSchema, { ...hold(next, [], model), generation: assignment.generation + 1n })
}

/** Whether a model is in memory by the assignment without a role. */
export function isHeld({ held }: ModelAssignment, model: ModelRef): boolean {
  return held.some((other) => same(other, model))
}

/** The assignment without a model that was only kept in memory; what has a role keeps it. The generation stays. */
export function release(assignment: ModelAssignment, model: ModelRef): ModelAssignment {
  return hold(assignment, [], model)
}

/** A model by its parts, as messages carry it. */
export function refOf(id: string, sha256: string): ModelRef {
  return create(ModelRefSchema, { id, sha256 })
}
