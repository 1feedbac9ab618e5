import { SegmentationMethod, type StripHeader } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'

/** By edges, the components that are looked at begin at this share of the way from the bed to the threshold. */
const edgeComponentShare = 0.35

/** Gray level above which components begin where pellets are found by their edges: below the threshold. */
export function edgeComponentLevel(threshold: number, bedLevel: number): number {
  return Math.floor(threshold - (1 - edgeComponentShare) * Math.max(0, threshold - bedLevel))
}

/** Gray level above which a pixel of a strip may begin a pellet, by whichever method its header names. */
export function componentLevelOf(header: Pick<StripHeader, 'method' | 'threshold' | 'bedLevel'>): number {
  const { method, threshold, bedLevel } = header
  return method === SegmentationMethod.EDGES ? edgeComponentLevel(threshold, bedLevel) : threshold
}
