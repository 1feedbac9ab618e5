import { create } from '@bufbuild/protobuf'
import { type CropsMessage, CropsMessageSchema } from '../../gen/pelletline/events/v1/events_pb.ts'
import { type Recipe, RecipeSchema } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import { grayCrops } from '../../shared/onnx/test-support/tiny-model.ts'

export interface CropsMessageOptions {
  /** Gray level of each pellet's crop; undefined for a pellet that has none (a cluster). */
  readonly levels?: readonly (number | undefined)[]
  readonly strip?: bigint
  readonly part?: number
  readonly partCount?: number
  readonly firstIndex?: number
  readonly recipeVersion?: number
}

/** A consistent message of topic `crops`. */
export function cropsMessage(options: CropsMessageOptions = {}): CropsMessage {
  const { levels = [], strip = 1n, part = 0, partCount = 1, firstIndex = 0, recipeVersion = 1 } = options
  const column = <T>(value: T) => levels.map(() => value)
  const judged = levels.filter((level) => level !== undefined)
  const cluster = BigInt(levels.length - judged.length)
  return create(CropsMessageSchema, {
    header: {
      key: { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: 'run-1', strip },
      rows: 64,
      width: 512,
      threshold: 60,
      medianAreaPx: 800,
      minAreaPx: 20,
      cropScale: 1,
      bedLevel: 10,
      lot: 'lot-1',
      recipe: 'natural',
      recipeVersion,
      exposedUnixNs: 5n,
    },
    part,
    partCount,
    firstIndex,
    pellets: {
      x: column(4),
      y: column(2n),
      width: column(30),
      height: column(30),
      areaPx: column(700),
      equivalentDiameterPx: column(29.8),
      aspectRatio: column(1.1),
      roundness: column(0.95),
      meanGray: column(180),
      notJudged: levels.map((level) => (level === undefined ? 1 : 0)),
      touchesBorder: column(0),
    },
    crops: grayCrops(...judged),
    reconciliation: {
      rowsAcquired: 64n,
      strips: 1n,
      found: BigInt(levels.length),
      notJudged: cluster,
      notJudgedByReason: { cluster },
      dust: 3n,
    },
    times: { exposedUnixNs: 5n, receivedUnixNs: 6n },
  })
}

/** A recipe that audits every NG pellet, half of those near the threshold, and a tenth of the rest. */
export function testRecipe(rest: { readonly ngThreshold?: number; readonly version?: number } = {}): Recipe {
  return create(RecipeSchema, {
    id: 'natural',
    version: 1,
    minAreaPx: 20,
    nominalAreaPx: 800,
    cropScale: 1,
    audit: { ngRate: 1, nearThresholdRate: 0.5, nearThresholdBand: 2, baseRate: 0.1 },
    disagreementLimit: 0.05,
    disagreementHysteresis: 0.8,
    disagreementWindow: 100,
    rowsLostLimit: 0.01,
    ...rest,
  })
}
