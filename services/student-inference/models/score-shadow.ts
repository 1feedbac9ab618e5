import type { CropsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { packedCrops } from '../crop-source.ts'
import type { ScoredCrops } from './compare-shadow.ts'
import type { PartRoute } from './create-model-shelf.ts'

/**
 * Lets the model in shadow score a part that has been judged, and counts how it differs; nobody waits for it, and what it has
 * no room for is counted as skipped. `ngThreshold` is the recipe's; the model's own where it has none.
 */
export function scoreShadow(
  shadow: NonNullable<PartRoute['shadow']>,
  message: CropsMessage,
  used: ScoredCrops,
  ngThreshold: number | undefined,
): void {
  if (message.crops.length === 0) return
  const { student, counter } = shadow
  const { plant, line } = message.header!.key!
  const threshold = Math.fround(ngThreshold ?? student.threshold)
  student.batcher
    .submit(packedCrops(message.crops), { lane: 'bus', flow: `shadow/${plant}/${line}`, whenFull: 'refuse' })
    .then(
      ({ margins }) => counter.add(used, { margins, threshold }),
      () => counter.skip(used.margins.length),
    )
}
