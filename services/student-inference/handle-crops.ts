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
import { orCancelled } from './or-cancelled.ts'
import type { RecipeCache } from './recipe-cache.ts'
import type { JudgingRecorder } from './record-judging.ts'

export interface HandleCropsOptions {
  readonly bus: Bus
  readonly recipes: RecipeCache
  readonly clock: Pick<Clock, 'nowNs'>
  readonly auditSalt: string
  readonly galleryPerPart: number
  /** Told of every part that was judged, once its answers are published: one that is judged again is told of once. */
  readonly record: JudgingRecorder
  /** There while parts should wait for those of the model that judged before. */
  readonly handover: () => Promise<void> | undefined
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
  const part = `part ${message.part} of strip ${stripMessageKey(message.header!.key!)}`
  throw new PelletlineError(
    'internal',
    `Model ${student.model.id} gave no finite score for crop ${bad} of ${part}; report the part and the model.`,
  )
}

/** Judges the whole part by the model that it falls to or, where that is a canary which cannot, by the one that is live. */
async function judgeByRoute(
  { student, fallBack }: Pick<PartRoute, 'student' | 'fallBack'>,
  message: CropsMessage,
  signal: AbortSignal,
  queuedNs: bigint,
) {
  try {
    return { student, judged: await judgeCrops(student, message, signal, queuedNs) }
  } catch (reason) {
    const error = PelletlineError.from(reason)
    // All else, such as a stop or a worker that is being replaced, is no fault of the model: the part comes again.
    const live = error.code === 'internal' ? fallBack?.(error) : undefined
    if (live === undefined) throw error
    return { student: live, judged: await judgeCrops(live, message, signal, queuedNs) }
  }
}

/**
 * Judges one message of topic `crops`: verdicts are published, then the audit request, and only then does the promise
 * resolve, so that the offset is committed last. Handling the same message again publishes the same again. Rejects with
 * `invalid_argument` where the message contradicts itself and with a retryable error where a peer is not there. One model judges
 * the whole part, whatever is switched meanwhile; where a canary gives no finite score, or its run fails, the live one does.
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
  for (let turn = options.handover(); turn !== undefined; turn = options.handover()) {
    await orCancelled(turn, signal, 'The judging of a part was cancelled while it waited for the model before.')
  }
  const route = options.route(message)
  const { student, judged } = await judgeByRoute(route, message, signal, queuedNs)
  const threshold = Math.fround(recipe.ngThreshold ?? student.threshold)
  if (route.shadow !== undefined) {
    scoreShadow(route.shadow, message, { margins: judged.margins, threshold }, recipe.ngThreshold)
  }
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
  if (auditRequest !== undefined) {
    await publishMessage(options.bus, topics.auditRequests, { key, headers, message: auditRequest }, signal)
  }
  const { beganNs, endedNs } = judged
  options.record.part(message, student.model.id, { queuedNs, beganNs, endedNs })
}
