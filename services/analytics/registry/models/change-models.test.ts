import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { type ModelAssignment, ModelAssignmentSchema } from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { changeModels, type ModelWish, modelsOf, refOf, withdraw } from './change-models.ts'

const ref = (id: string) => refOf(id, id.repeat(64).slice(0, 64))
const [a, b, c] = ['a', 'b', 'c'].map(ref) as [ReturnType<typeof ref>, ReturnType<typeof ref>, ReturnType<typeof ref>]
const nothing = create(ModelAssignmentSchema)

/** What is assigned in a few letters. */
function show({ live, held, shadow, canary, before }: ModelAssignment): string {
  const ids = (models: readonly { readonly id: string }[]) => models.map(({ id }) => id).join('')
  return `live ${live?.id ?? '-'} held ${ids(held)} shadow ${shadow?.model?.id ?? '-'} canary ${canary?.model?.id ?? '-'} before ${ids(before)}`
}

/** Applies wishes one after the other, from the configured model `a`. */
function follow(...wishes: readonly ModelWish[]): ModelAssignment {
  return wishes.reduce((assignment, wish) => changeModels(assignment, assignment.live ?? a, wish).next, nothing)
}

test('a model goes from loaded over shadow and canary to live, and back', () => {
  const steps: ModelWish[] = [
    { kind: 'load', model: b },
    { kind: 'shadow', model: b, share: 1 },
    { kind: 'canary', model: b, share: 0.1, lines: [] },
    { kind: 'promote', model: b },
    { kind: 'rollback' },
  ]
  const shown = steps.map((_, i) => show(follow(...steps.slice(0, i + 1))))
  assert.deepEqual(shown, [
    'live - held b shadow - canary - before ',
    'live - held  shadow b canary - before ',
    'live - held  shadow - canary b before ',
    'live b held a shadow - canary - before a',
    'live a held b shadow - canary - before ',
  ])
  assert.equal(follow(...steps).generation, 5n)
})

test('a change says from which model to which a role has passed', () => {
  const promoted = follow({ kind: 'promote', model: b })
  const { from, to } = changeModels(promoted, b, { kind: 'promote', model: c })
  assert.deepEqual([from, to], ['b', 'c'])
  const off = changeModels(follow({ kind: 'shadow', model: b, share: 1 }), a, {
    kind: 'shadow',
    model: undefined,
    share: 1,
  })
  assert.deepEqual([off.from, off.to, show(off.next)], ['b', '', 'live - held b shadow - canary - before '])
})

test('what does not fit is refused with the next step, and nothing is ever left without a model that judges', () => {
  const refused = (assignment: ModelAssignment, wish: ModelWish, message: RegExp) =>
    assert.throws(() => changeModels(assignment, assignment.live ?? a, wish), { code: 'failed_precondition', message })
  refused(nothing, { kind: 'unload', model: a }, /a judges; promote another/)
  refused(nothing, { kind: 'unload', model: b }, /b is not loaded/)
  refused(nothing, { kind: 'promote', model: a }, /a judges already/)
  refused(nothing, { kind: 'rollback' }, /Nothing was promoted/)
  refused(nothing, { kind: 'shadow', model: a, share: 1 }, /a judges/)
  const canary = follow({ kind: 'canary', model: b, share: 0.1, lines: [] })
  refused(canary, { kind: 'unload', model: b }, /canary --off/)
  refused(canary, { kind: 'shadow', model: b, share: 1 }, /canary --off/)
})

test('a model that was refused is withdrawn from every role but that of judging', () => {
  const canary = follow({ kind: 'load', model: c }, { kind: 'canary', model: b, share: 0.1, lines: [] })
  assert.equal(show(withdraw(canary, b)), 'live - held c shadow - canary - before ')
  assert.equal(withdraw(canary, b).generation, canary.generation + 1n)
})

test('through any wishes each model has one place, the one before stays in memory, and generations grow', () => {
  const model = fc.constantFrom(a, b, c)
  const share = fc.constantFrom(0.1, 1)
  const wish: fc.Arbitrary<ModelWish> = fc.oneof(
    fc.record({ kind: fc.constantFrom('load' as const, 'unload' as const, 'promote' as const), model }),
    fc.record({ kind: fc.constant('shadow' as const), model: fc.option(model, { nil: undefined }), share }),
    fc.record({
      kind: fc.constant('canary' as const),
      model: fc.option(model, { nil: undefined }),
      share,
      lines: fc.constant([]),
    }),
    fc.constant({ kind: 'rollback' as const }),
  )
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 40 }), (wishes) => {
      let assignment = nothing
      for (const one of wishes) {
        const judging = assignment.live ?? a
        let next: ModelAssignment
        try {
          next = changeModels(assignment, judging, one).next
        } catch (error) {
          assert.equal(PelletlineError.from(error).code, 'failed_precondition')
          continue
        }
        assert.equal(next.generation, assignment.generation + 1n)
        const places = [next.live ?? a, next.shadow?.model, next.canary?.model, ...next.held].filter(
          (at) => at !== undefined,
        )
        assert.equal(new Set(places.map(({ id }) => id)).size, places.length)
        if (one.kind === 'promote') assert.ok(modelsOf(next).some(({ id }) => id === judging.id))
        assert.ok(next.before.length <= 16)
        assignment = next
      }
    }),
  )
})
