import type { Clock } from '../shared/service/clock.ts'
import { ownThreshold, type RequestThreshold } from './judge-crops.ts'
import type { LineCaller, LineThresholds } from './line-thresholds.ts'

/** What a request says of its threshold: one of the two, or nothing. */
export interface ThresholdWish {
  readonly threshold?: number | undefined
  readonly line?: string | undefined
}

/** Says at what the crops of a request are judged; rejects as `LineThresholds` does where it names a line. */
export type ChooseThreshold = (wish: ThresholdWish, caller: LineCaller) => Promise<RequestThreshold>

/** The threshold that a request gives, that of the line it names, or the model's own. */
export function createThresholdChooser(options: {
  readonly lines: LineThresholds
  readonly clock: Pick<Clock, 'nowNs'>
}): ChooseThreshold {
  const { lines, clock } = options
  return async ({ threshold, line }, caller) => {
    if (line === undefined) return threshold === undefined ? ownThreshold : { threshold, waitedUs: 0 }
    const arrivedNs = clock.nowNs()
    const ofLine = await lines.of(line, caller)
    return { threshold: ofLine, waitedUs: Number((clock.nowNs() - arrivedNs) / 1000n) }
  }
}
