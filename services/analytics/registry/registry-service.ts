import { type LineAssignment, RegistryService } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { implement } from '../../shared/rpc/implement.ts'
import type { Kysely, ReadTime, Tables } from '../../shared/store/index.ts'
import type { ReferenceIds } from '../booking/reference-ids.ts'
import type { ChangeSignal } from '../change-signal.ts'
import type { LotFinder } from '../lots/find-lot.ts'
import { reportSegment } from '../lots/report-segment.ts'
import type { AssignmentsView } from './assignments-view.ts'
import { checkRecipe } from './check-recipe.ts'
import { ensureLine } from './ensure-line.ts'
import { readRecipe, storeRecipe } from './recipes.ts'

export interface RegistryServiceOptions {
  /** Name of the plant whose lines these are. */
  readonly plant: string
  readonly db: Kysely<Tables>
  readonly ids: ReferenceIds
  readonly findLot: LotFinder
  readonly defaultRecipeId: string
  /** Most lines that become known by these calls. */
  readonly maxLines: number
  /** Changes of any line's assignment. */
  readonly assignments: ChangeSignal
  readonly assignmentsView: AssignmentsView
  readonly nowNs: () => bigint
  readonly readTime: ReadTime
  /** Called after a report; a lot in closing may be complete by it. */
  readonly onSegment: () => void
  /** Ends the watches when the service drains. */
  readonly closing: AbortSignal
}

// Another analytics on the same database may change a line; a watch looks that often, at what all watches share.
const pollMs = 500

/** Implements pelletline.registry.v1.RegistryService over the store. */
export function createRegistryService(options: RegistryServiceOptions) {
  const { plant, db, ids, findLot, defaultRecipeId, maxLines, assignments, assignmentsView } = options
  const { nowNs, readTime, onSegment, closing } = options

  const knowLine = async (line: string): Promise<void> => {
    const added = await db
      .transaction()
      .execute((transaction) => ensureLine(transaction, { line, recipe: defaultRecipeId, nowNs: nowNs(), maxLines }))
    if (added) assignments.notify()
  }

  return implement(RegistryService, {
    async listLines() {
      const found = await assignmentsView.read()
      return { lines: Array.from(found, ([id, assignment]) => ({ id, assignment })) }
    },

    async getRecipe({ id, version }) {
      return { recipe: await readRecipe(db, id, version) }
    },

    async putRecipe({ recipe }) {
      if (recipe === undefined) throw new TypeError('A request without a recipe passed validation.')
      checkRecipe(recipe)
      const stored = await storeRecipe(db, recipe, nowNs())
      assignments.notify()
      return { recipe: stored }
    },

    async *watchLine({ line }, { signal }) {
      const ended = AbortSignal.any([signal, closing])
      await knowLine(line)
      let sent: string | undefined
      while (!ended.aborted) {
        const version = assignments.version
        // What is in force as the watch begins, and not what was a moment before: the lot may be closed by now.
        const assignment =
          sent === undefined ? (await assignmentsView.read()).get(line) : await assignmentsView.of(line)
        if (assignment === undefined) throw new TypeError(`Line ${line} was made known and is not there.`)
        const now = nameOf(assignment)
        if (now !== sent) {
          sent = now
          yield { assignment }
        }
        await assignments.waitForChange(version, { signal: ended, timeoutMs: pollMs })
      }
      if (closing.aborted && !signal.aborted) {
        throw new PelletlineError('unavailable', `The watch of line ${line} ends: analytics is stopping. Watch again.`)
      }
    },

    async reportLotSegment({ first, strips, lot, durableBefore }) {
      if (first === undefined || first.strip > 2n ** 62n || strips > 2n ** 62n || durableBefore > 2n ** 62n) {
        throw new PelletlineError(
          'invalid_argument',
          `A segment of lot ${lot} begins at strip ${first?.strip} with ${strips} strips, ${durableBefore} durable before; each is at most 2^62.`,
        )
      }
      if (first.plant !== plant) {
        const description = `is ${first.plant}, but these are the books of ${plant}; report it to the analytics of ${first.plant}, or give both services the same plant`
        throw new PelletlineError('invalid_argument', `first.plant ${description}.`, {
          violations: [{ field: 'first.plant', description }],
        })
      }
      await knowLine(first.line)
      const { lotId } = await findLot({ name: lot, line: first.line })
      const runId = await ids.run(first)
      const segment = { runId, lotId, firstStrip: first.strip, strips, durableBefore }
      await reportSegment(db, segment, readTime)
      onSegment()
      return {}
    },
  })
}

function nameOf({ lot, recipe }: LineAssignment): string {
  return JSON.stringify([lot, recipe?.id, recipe?.version])
}
