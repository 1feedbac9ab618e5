import type { CropsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import { maxPelletsPerPart } from '../shared/bus/topics.ts'
import { type FieldViolation, PelletlineError } from '../shared/errors/pelletline-error.ts'
import { findMeasureViolations } from '../shared/inspection/check-measures.ts'
import { cropBytes } from '../shared/inspection/crop.ts'

const columns = [
  'x',
  'y',
  'width',
  'height',
  'areaPx',
  'equivalentDiameterPx',
  'aspectRatio',
  'roundness',
  'meanGray',
  'touchesBorder',
] as const

/** Positions, within the part, of the pellets that have a crop. */
export function judgedPositions(message: CropsMessage): number[] {
  return message.pellets!.notJudged.flatMap((reason, position) => (reason === 0 ? [position] : []))
}

/**
 * Checks what the proto's rules cannot: columns of one length, 2500 bytes per pellet that has a crop, measures and specks
 * that fit the pellets, counts that agree, a recipe to judge by. Throws `invalid_argument` with every violation, so that the bus puts the message aside.
 */
export function checkCropsMessage(message: CropsMessage): void {
  const violations: FieldViolation[] = []
  const pellets = message.pellets!
  const counts = message.reconciliation!
  const header = message.header!
  const count = pellets.notJudged.length
  for (const name of columns) {
    const { length } = pellets[name]
    if (length !== count) {
      violations.push({ field: `pellets.${name}`, description: `${length} entries; not_judged has ${count}` })
    }
  }
  violations.push(...findMeasureViolations(pellets, message.specks, count))
  if (count > maxPelletsPerPart) {
    violations.push({ field: 'pellets', description: `${count} pellets; a part has at most ${maxPelletsPerPart}` })
  }
  if (message.part >= message.partCount) {
    violations.push({ field: 'part', description: `${message.part}; the strip has ${message.partCount} parts from 0` })
  }
  const judged = pellets.notJudged.filter((reason) => reason === 0).length
  if (message.crops.length !== judged * cropBytes) {
    violations.push({
      field: 'crops',
      description: `${message.crops.length} bytes; ${judged} pellets with a crop need ${judged * cropBytes}`,
    })
  }
  if (counts.found !== BigInt(count) + counts.shed) {
    violations.push({
      field: 'reconciliation.found',
      description: `${counts.found}; the part has ${count} pellets and ${counts.shed} were shed`,
    })
  }
  if (counts.notJudged !== BigInt(count - judged)) {
    violations.push({
      field: 'reconciliation.not_judged',
      description: `${counts.notJudged}; ${count - judged} pellets of the part have no crop`,
    })
  }
  if (header.recipe === '' || header.recipeVersion === 0) {
    violations.push({
      field: 'header.recipe',
      description: `"${header.recipe}" version ${header.recipeVersion}; the gateway stamps a recipe and its version`,
    })
  }
  if (violations.length === 0) return
  const { line, camera, strip } = header.key!
  const first = violations[0]!
  throw new PelletlineError(
    'invalid_argument',
    `Part ${message.part} of strip ${line}/${camera}/${strip} contradicts itself: ${first.field} is ${first.description}` +
      `${violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''}; look at its producer.`,
    { violations },
  )
}
