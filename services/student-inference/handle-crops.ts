import type { CropsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { publishMessage } from '../shared/bus/messages.ts'
import { stripMessageKey, topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { Clock } from '../shared/service/clock.ts'
import { currentSpan } from '../shared/telemetry/current-span.ts'
import { checkCropsMessage } from './check-crops-message.ts'
import type { JudgedCrops } from './crop-batcher.ts'
import { packedCrops } from './crop-source.ts'
import { judgePart } from './judge-part.ts'
import type { PartRoute } from './models/create-model-shelf.ts'
import type { LoadedStudent } from './models/load-student.ts'
import { scoreShadow } from './models/score-shadow.ts'
import type { RecipeCache } from './recipe-cache.ts'
import type { JudgingRecorder } from './record-judging.ts'

export interface HandleCropsOptions {
  readonly bus: Bus
  readonly recipes: RecipeCache
  readonly clock: Pick<Clock, 'nowNs'>
  readonly auditSalt: string
  readonly galleryPerPart: number
  /** Told of every part that was judged. */
  readonly record: JudgingRecorder
  /** By which models a part is judged; asked when its crops are submitted, which no switch comes between. */
  readonly route: (message: CropsMessage) => PartRoute
}

async function judgeCrops(student: LoadedStudent, message: CropsMessage, signal: AbortSignal, queuedNs: bigint) {
  if (message.crops.length === 0) {
    return { margins: new Float32Array(0), beganNs: queuedNs, endedNs: queuedNs } satisfies Partial<JudgedCrops>
  }
  const { plant, line } = message.header!.key!
  const flow = `bus/${plant}/${line}`
  const judged = await student.batcher.submit(packedCrops(message.crops), {
    lane: 'bus',
    flow,
    whenFull: 'wait',
    signal,
    trace: currentSpan()?.context,
  })
  const bad = judged.margins.findIndex((margin) => !Number.isFinite(margin))
  if (bad < 0) return judged
  throw new PelletlineError(
    'internal',
    `Model ${student.model.id} gave no finite score for crop ${bad} of the part; report the part and the model.`,
  )
}

/**
 * Judges one message of topic `crops`: verdicts are published, then the audit request, and only then does the promise
 * resolve, so that the offset is committed last. Handling the same message again publishes the same again. Rejects with
 * `invalid_argument` where the message contradicts itself and with a retryable error where a peer is not there. One model judges
 * the whole part, whatever is switched meanwhile.
 */
export async function handleCrops(
  options: HandleCropsOptions,
  message: CropsMessage,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const queuedNs = options.clock.nowNs()
  checkCropsMessage(message)
  const header = message.header!
  const recipe = await options.recipes.get(header.recipe, header.recipeVersion)
  const { student, shadow } = options.route(message)
  const judged = await judgeCrops(student, message, signal, queuedNs)
  const threshold = Math.fround(recipe.ngThreshold ?? student.threshold)
  if (shadow !== undefined) scoreShadow(shadow, message, { margins: judged.margins, threshold }, recipe.ngThreshold)
  const { beganNs, endedNs } = judged
  options.record.part(message, student.model.id, { queuedNs, beganNs, endedNs })
  const { verdicts, auditRequest } = judgePart(
    message,
    { ...judged, queuedNs },
    {
      model: student.model,
      threshold,
      sampling: recipe.audit,
      auditSalt: options.auditSalt,
      galleryPerPart: options.galleryPerPart,
    },
  )
  const key = stripMessageKey(header.key!)
  await publishMessage(options.bus, topics.verdicts, { key, headers, message: verdicts }, signal)
  student.judged.crops += judged.margins.length
  if (auditRequest === undefined) return
  await publishMessage(options.bus, topics.auditRequests, { key, headers, message: auditRequest }, signal)
}
