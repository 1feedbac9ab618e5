import assert from 'node:assert/strict'
import test from 'node:test'
import type { GetRecipeResponse } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { type ErrorCode, PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createRecipeCache } from './recipe-cache.ts'
import { testRecipe } from './test-support/crops-message.ts'

function setUp(limit = 10) {
  const asked: number[] = []
  const failures: ErrorCode[] = []
  const registry = {
    async getRecipe(request: { version?: number }) {
      asked.push(request.version!)
      const code = failures.shift()
      if (code !== undefined) throw new PelletlineError(code, 'No answer.')
      return { recipe: testRecipe({ version: request.version! }) } as GetRecipeResponse
    },
  }
  const cache = createRecipeCache({ registry: registry as never, limit, timeoutMs: 1000 })
  return { cache, asked, failures }
}

test('recipe cache asks once for a version, however many want it at the same time', async () => {
  const { cache, asked } = setUp()
  const recipes = await Promise.all([cache.get('a', 1), cache.get('a', 1), cache.get('a', 2)])
  await cache.get('a', 1)
  assert.deepEqual(
    recipes.map(({ version }) => version),
    [1, 1, 2],
  )
  assert.deepEqual(asked, [1, 2])
})

test('recipe cache keeps no more than its limit and lets go of what was not used for longest', async () => {
  const { cache, asked } = setUp(2)
  for (const version of [1, 2, 1, 3, 1, 2]) await cache.get('a', version)
  assert.deepEqual(asked, [1, 2, 3, 2])
})

test('recipe cache does not remember a failure and calls a silent registry worth a retry', async () => {
  const { cache, asked, failures } = setUp()
  failures.push('deadline_exceeded')
  await assert.rejects(
    cache.get('a', 1),
    (error: PelletlineError) =>
      error.code === 'unavailable' && error.retryable && /Recipe a version 1/.test(error.message),
  )
  await cache.get('a', 1)
  assert.deepEqual(asked, [1, 1])
})

test('recipe cache calls a version that the registry does not know a failure that no retry mends', async () => {
  const { cache, failures } = setUp()
  failures.push('not_found')
  await assert.rejects(
    cache.get('a', 9),
    (error: PelletlineError) => error.code === 'failed_precondition' && !error.retryable,
  )
})

test('recipe cache refuses an answer without audit sampling by name instead of judging without it', async () => {
  const registry = { getRecipe: async () => ({}) as GetRecipeResponse }
  const cache = createRecipeCache({ registry: registry as never, limit: 1, timeoutMs: 1000 })
  await assert.rejects(cache.get('a', 7), {
    code: 'failed_precondition',
    message: /Recipe a version 7 without its audit/,
  })
})
