import { create } from '@bufbuild/protobuf'
import {
  GetRecipeResponseSchema,
  type ListLinesResponse,
  ListLinesResponseSchema,
} from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { testRecipe } from './crops-message.ts'

/** A registry whose lines the test sets: the threshold of each line's recipe, undefined where that has none. */
export function createLineRegistry(lines: Readonly<Record<string, number | undefined>> = {}) {
  const thresholds = new Map(Object.entries(lines))
  const asked = { times: 0 }
  let fault: (() => Promise<void>) | undefined
  return {
    /** How often it was asked for its lines. */
    asked,
    /** Gives the line a recipe with this threshold from now on. */
    assign(line: string, ngThreshold: number | undefined): void {
      thresholds.set(line, ngThreshold)
    },
    /** What it does, from now on, before it answers; nothing where undefined. */
    disturb(before: (() => Promise<void>) | undefined): void {
      fault = before
    },
    getRecipe: async () => create(GetRecipeResponseSchema, { recipe: testRecipe() }),
    async listLines(): Promise<ListLinesResponse> {
      asked.times += 1
      await fault?.()
      return create(ListLinesResponseSchema, {
        lines: [...thresholds].map(([id, ngThreshold]) => {
          const recipe = testRecipe(ngThreshold === undefined ? {} : { ngThreshold })
          return { id, assignment: { line: id, lot: 'lot-1', recipe } }
        }),
      })
    },
  }
}
