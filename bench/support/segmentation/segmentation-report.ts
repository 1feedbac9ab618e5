import type { SegmentationSettings } from '../../../services/roi-segmentation/kernel/types.ts'
import type { describeMachine } from '../print-report.ts'
import type { GoalVerdict } from './judge-goals.ts'
import type { CameraFigures } from './measure-cameras.ts'
import type { GeometryFigures } from './measure-geometry.ts'
import type { MemoryFigures } from './measure-memory.ts'
import type { OverloadFigures } from './measure-overload.ts'
import type { DensityFigures, HeightFigures } from './measure-scaling.ts'
import type { MethodFigures } from './measure-throughput.ts'

/** Parts of the benchmark that can be run on their own. */
export const sections = ['throughput', 'scaling', 'cameras', 'overload', 'memory', 'geometry'] as const
export type Section = (typeof sections)[number]

/** A strip as it is told in the report. */
export interface StripFacts {
  readonly name: string
  readonly width: number
  readonly rows: number
  readonly pellets: number
  readonly clusters: number
  readonly touching: number
}

/** All that one run of the benchmark gave; sections that were not asked for are undefined. */
export interface SegmentationReport {
  readonly bench: 'segmentation'
  readonly machine: ReturnType<typeof describeMachine>
  readonly rounds: number
  /** Version of OpenCV, or why there is none. */
  readonly opencv: { readonly version: string } | { readonly missing: string } | undefined
  readonly settings: SegmentationSettings
  readonly strips: readonly StripFacts[]
  readonly throughput: readonly MethodFigures[] | undefined
  readonly goals: readonly GoalVerdict[] | undefined
  readonly heights: readonly HeightFigures[] | undefined
  readonly densities: readonly DensityFigures[] | undefined
  readonly cameras: readonly CameraFigures[] | undefined
  readonly overload: readonly OverloadFigures[] | undefined
  readonly memory: MemoryFigures | undefined
  readonly geometry: readonly GeometryFigures[] | undefined
}
