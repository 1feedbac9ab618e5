import type { MessageInitShape } from '@bufbuild/protobuf'
import { type RecipeSchema, RegistryService } from '../../services/gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { createNotifier } from '../../services/shared/queue/notifier.ts'
import { implement } from '../../services/shared/rpc/implement.ts'

/** A recipe for the belts of `drawBelt` with radius 9. */
export const testRecipe = {
  id: 'recipe-1',
  version: 3,
  material: 'test pellets',
  minAreaPx: 30,
  nominalAreaPx: 250,
  cropScale: 1,
  audit: { ngRate: 1, nearThresholdRate: 1, nearThresholdBand: 1, baseRate: 0.1 },
  disagreementLimit: 0.05,
  disagreementHysteresis: 0.8,
  disagreementWindow: 100,
  rowsLostLimit: 0.01,
} satisfies MessageInitShape<typeof RecipeSchema>

/** A registry whose assignments the test sets, and whose reports it reads. */
export function createTestRegistry() {
  const notifier = createNotifier()
  const reports: { run: string; strip: bigint; strips: bigint; lot: string }[] = []
  let lot: string | undefined
  let recipe: MessageInitShape<typeof RecipeSchema> = testRecipe
  let refusals = 0
  let watchRefusal: PelletlineError | undefined

  const implementation = implement(RegistryService, {
    listLines: () => Promise.reject(new PelletlineError('unimplemented', 'not needed here')),
    getRecipe: () => Promise.reject(new PelletlineError('unimplemented', 'not needed here')),
    putRecipe: () => Promise.reject(new PelletlineError('unimplemented', 'not needed here')),
    async *watchLine({ line }, { signal }) {
      if (watchRefusal !== undefined) throw watchRefusal
      let sent: string | undefined
      while (!signal.aborted) {
        const changed = notifier.changed(signal)
        const state = `${lot}/${recipe.id}/${recipe.version}`
        if (lot !== undefined && state !== sent) {
          sent = state
          yield { assignment: { line, lot, recipe } }
        } else {
          await changed
        }
      }
    },
    async reportLotSegment({ first, strips, lot: segmentLot }) {
      if (refusals > 0) {
        refusals--
        throw new PelletlineError('unavailable', 'the registry is away')
      }
      reports.push({ run: first!.run, strip: first!.strip, strips, lot: segmentLot })
      notifier.notify()
      return {}
    },
  })

  return {
    implementation,
    reports,
    /** Assigns a lot, and a recipe if given. */
    assign(nextLot: string, nextRecipe: MessageInitShape<typeof RecipeSchema> = recipe) {
      lot = nextLot
      recipe = nextRecipe
      notifier.notify()
    },
    /** Refuses watches from now on with this error. */
    refuseWatches(error: PelletlineError) {
      watchRefusal = error
    },
    /** Refuses the next `count` reports. */
    refuse(count: number) {
      refusals = count
    },
    /** Resolves once `count` reports have come. */
    async reported(count: number) {
      for (;;) {
        const changed = notifier.changed()
        if (reports.length >= count) return reports
        await changed
      }
    },
  }
}
