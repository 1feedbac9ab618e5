import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type HeldState, keyOf, type ModelName, planModels, type WantedModels } from './plan-models.ts'

const name = (id: string): ModelName => ({ id, sha256: `${id}-digest` })
const key = (id: string) => keyOf(name(id))
const want = (
  live: string,
  rest: Partial<Record<'shadow' | 'canary', string>> & { held?: string[] } = {},
): WantedModels => ({
  live: name(live),
  shadow: rest.shadow === undefined ? undefined : name(rest.shadow),
  canary: rest.canary === undefined ? undefined : name(rest.canary),
  held: (rest.held ?? []).map(name),
})
const held = (states: Readonly<Record<string, HeldState>>, judging?: string, maxLoaded = 3, ending = 0) => ({
  ending,
  states: new Map(Object.entries(states).map(([id, state]) => [key(id), state])),
  judging: judging === undefined ? undefined : key(judging),
  maxLoaded,
})

test('the model that judges goes on until the wanted one is ready', () => {
  const loading = planModels(held({ a: 'ready', b: 'loading' }, 'a'), want('b'))
  assert.deepEqual([loading.judging, loading.retire, loading.load], [key('a'), [], undefined])
  const ready = planModels(held({ a: 'ready', b: 'ready' }, 'a'), want('b'))
  assert.deepEqual([ready.judging, ready.retire], [key('b'), [key('a')]])
  const refused = planModels(held({ a: 'ready', b: 'refused' }, 'a'), want('b'))
  assert.deepEqual([refused.judging, refused.retire], [key('a'), []])
})

test('a model in shadow or on trial has its role only once it is ready', () => {
  const wanted = want('a', { shadow: 'b', canary: 'c' })
  const plan = planModels(held({ a: 'ready', b: 'loading' }, 'a'), wanted)
  assert.deepEqual([plan.shadow, plan.canary], [undefined, undefined])
  const all = planModels(held({ a: 'ready', b: 'ready', c: 'ready' }, 'a'), wanted)
  assert.deepEqual([all.shadow, all.canary], [key('b'), key('c')])
})

test('models load one at a time, the most important first, and no more than there is room for', () => {
  const wanted = want('a', { shadow: 's', canary: 'c', held: ['h'] })
  assert.deepEqual(planModels(held({}), wanted).load, name('a'))
  assert.equal(planModels(held({ a: 'loading' }), wanted).load, undefined)
  assert.deepEqual(planModels(held({ a: 'ready' }, 'a'), wanted).load, name('c'))
  const full = planModels(held({ a: 'ready', c: 'ready', s: 'ready' }, 'a'), wanted)
  assert.deepEqual([full.load, full.tooMany], [undefined, [name('h')]])
})

test('a model that has to end is loaded again only after it has ended', () => {
  const plan = planModels(held({ a: 'ready', b: 'retiring' }, 'a'), want('b'))
  assert.deepEqual([plan.judging, plan.load], [key('a'), undefined])
  assert.deepEqual(planModels(held({ a: 'ready' }, 'a'), want('b')).load, name('b'))
})

test('a model that was let go has its place until it has ended, and nothing is refused for that', () => {
  const wanted = want('a', { held: ['b'] })
  const loads = (states: Readonly<Record<string, HeldState>>, ending: number) => {
    const { load, tooMany } = planModels(held(states, 'a', 2, ending), wanted)
    assert.deepEqual(tooMany, [])
    return load
  }
  assert.equal(loads({ a: 'ready', c: 'ready' }, 0), undefined)
  assert.equal(loads({ a: 'ready', c: 'retiring' }, 1), undefined)
  assert.deepEqual(loads({ a: 'ready' }, 0), name('b'))
})

test('whatever happens, a model that judges is ready, is never retired, and memory keeps its bound', () => {
  const ids = ['a', 'b', 'c', 'd', 'e']
  const id = fc.constantFrom(...ids)
  const wish = fc.record({
    live: id,
    shadow: fc.option(id),
    canary: fc.option(id),
    held: fc.array(id, { maxLength: 4 }),
  })
  fc.assert(
    fc.property(fc.array(fc.tuple(wish, fc.boolean()), { minLength: 1, maxLength: 30 }), (wishes) => {
      const states = new Map<string, HeldState>()
      const inMemory = () => [...states.values()].filter((state) => state === 'ready' || state === 'retiring').length
      let judging: string | undefined
      for (const [{ live, shadow, canary, held: kept }, loads] of wishes) {
        const wanted = want(live, {
          ...(shadow === null ? {} : { shadow }),
          ...(canary === null ? {} : { canary }),
          held: kept,
        })
        for (let round = 0; round < 12; round += 1) {
          const retiring = [...states].filter(([, state]) => state === 'retiring').map(([id]) => id)
          const plan = planModels({ states, judging, ending: retiring.length, maxLoaded: 3 }, wanted)
          assert.ok(judging === undefined || plan.judging !== undefined)
          judging = plan.judging
          assert.ok(judging === undefined || states.get(judging) === 'ready')
          assert.ok(judging === undefined || !plan.retire.includes(judging))
          // What was let go ends a round later.
          for (const gone of retiring) states.delete(gone)
          for (const gone of plan.retire) {
            if (states.get(gone) === 'ready') states.set(gone, 'retiring')
            else states.delete(gone)
          }
          if (plan.load !== undefined) states.set(keyOf(plan.load), loads ? 'ready' : 'refused')
          assert.ok(inMemory() <= 3)
        }
        // A refused model is tried again by the next assignment.
        for (const [at, state] of states) if (state === 'refused') states.delete(at)
      }
    }),
  )
})
