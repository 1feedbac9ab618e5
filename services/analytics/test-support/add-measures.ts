import { create } from '@bufbuild/protobuf'
import type { VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { OpticsSchema, SpeckColumnsSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'

/** Micrometres per pixel of a measured message, across and along; their geometric mean is 60. */
export const testOptics = { umPerPxAcross: 50, umPerPxAlong: 72 }

/**
 * Gives a message of `makeVerdicts` all measures, in place: pellets of regular shape, and two specks, of 3 and 2 px, in each
 * pellet judged NG.
 */
export function addMeasures(message: VerdictsMessage): VerdictsMessage {
  const { header, pellets } = message
  if (header === undefined || pellets === undefined) throw new TypeError('A message of makeVerdicts has both.')
  const column = (value: number) => pellets.x.map(() => value)
  const isNg = message.margin.map((margin) => margin > 0)
  header.smallestSpeckPx = 2
  header.optics = create(OpticsSchema, testOptics)
  Object.assign(pellets, {
    feretLengthPx: column(36),
    feretWidthPx: column(32),
    solidity: column(0.98),
    graySpread: column(4),
    speckCount: isNg.map((ng) => (ng ? 2 : 0)),
    speckAreaPx: isNg.map((ng) => (ng ? 10 : 0)),
  })
  const specked = [...isNg.keys()].filter((index) => isNg[index]).flatMap((index) => [index, index])
  message.specks = create(SpeckColumnsSchema, {
    pellet: specked,
    areaPx: specked.map((_, at) => (at % 2 === 0 ? 7 : 3)),
    equivalentDiameterPx: specked.map((_, at) => (at % 2 === 0 ? 3 : 2)),
    contrast: specked.map(() => 0.5),
    x: specked.map(() => 12.5),
    y: specked.map(() => 10.25),
    atRim: specked.map((_, at) => at % 2),
  })
  return message
}
