import type { VerdictsMessage } from '../../services/gen/pelletline/events/v1/events_pb.ts'
import { Outcome } from '../../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus } from '../../services/shared/bus/bus.ts'
import { consumeTopic, publishMessage } from '../../services/shared/bus/messages.ts'
import { topics } from '../../services/shared/bus/topics.ts'
import { cropsMessage } from '../../services/student-inference/test-support/crops-message.ts'

export interface FeedOptions {
  readonly bus: Bus
  /** Gray levels of the pellets of a part. */
  readonly levels: readonly number[]
  /** Parts that may wait for their verdicts at once. */
  readonly inFlight: number
  /** Lot and line that the parts are stamped with. */
  readonly lot: string
  readonly line: string
  /** Whether a model could have given this margin to a pellet of this gray level. */
  readonly couldBe: (modelId: string, level: number, margin: number) => boolean
  /** First strip; default 0. */
  readonly firstStrip?: bigint
}

/** What became of the parts that were fed. */
export interface FeedResult {
  readonly parts: number
  /** Parts without a verdict. */
  readonly lost: number
  /** Messages with a pellet that the model they name cannot have judged. */
  readonly mixed: number
  /** Parts that came back with another number of judged pellets. */
  readonly incomplete: number
  /** Parts by the model that judged them first. */
  readonly byModel: ReadonlyMap<string, number>
  /** From publishing a part to its first verdict, ms. */
  readonly latenciesMs: readonly number[]
}

/** Feeds parts to a student as fast as they are judged, and looks at every verdict, until it is stopped. */
export async function feedParts(options: FeedOptions) {
  const { bus, levels, inFlight, lot, line, couldBe, firstStrip = 0n } = options
  const sent = new Map<bigint, number>()
  const byModel = new Map<string, number>()
  const latenciesMs: number[] = []
  let [parts, mixed, incomplete, stopped] = [0, 0, 0, false]
  let wake = () => {}

  function check({ header, margin, model, outcome }: VerdictsMessage): void {
    const { strip, line: ofLine } = header!.key!
    const at = ofLine === line ? sent.get(strip) : undefined
    if (margin.some((value, i) => !couldBe(model!.id, levels[i]!, value))) mixed += 1
    if (outcome.filter((value) => value === Outcome.CLASSIFIED).length !== levels.length) incomplete += 1
    if (at === undefined) return
    sent.delete(strip)
    latenciesMs.push(performance.now() - at)
    byModel.set(model!.id, (byModel.get(model!.id) ?? 0) + 1)
    wake()
  }

  const subscription = await consumeTopic(bus, {
    topic: topics.verdicts,
    // One group for the feeds of a line, which follow each other: the bus keeps for every group what it has not read.
    group: `feed-${line}`,
    maxInFlight: 64,
    handle: async (message) => check(message),
  })
  const changed = () => new Promise<void>((resolve) => (wake = resolve))

  async function feed(): Promise<void> {
    const template = cropsMessage({ levels: [...levels] })
    for (let strip = firstStrip; !stopped; strip += 1n) {
      while (sent.size >= inFlight && !stopped) await changed()
      if (stopped) return
      const header = {
        ...template.header!,
        key: { ...template.header!.key!, line, strip },
        lot,
        recipe: 'default',
        recipeVersion: 1,
      }
      sent.set(strip, performance.now())
      parts += 1
      await publishMessage(bus, topics.crops, { key: `${line}/camera-1/${strip}`, message: { ...template, header } })
    }
  }
  const feeding = feed()

  return {
    /** Parts that have been judged so far. */
    judged: () => latenciesMs.length,
    byModel: (): ReadonlyMap<string, number> => byModel,
    latenciesMs: (): readonly number[] => latenciesMs,
    /** Resolves once so many parts have been judged. */
    async until(count: number): Promise<void> {
      while (latenciesMs.length < count) await new Promise((resolve) => setImmediate(resolve))
    },
    /** Ends the feed and waits, at most `timeoutMs`, for the verdicts that are missing. */
    async stop(timeoutMs = 30_000): Promise<FeedResult> {
      stopped = true
      wake()
      await feeding
      const deadline = performance.now() + timeoutMs
      while (sent.size > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
      await subscription.drain(1000)
      return { parts, lost: sent.size, mixed, incomplete, byModel, latenciesMs }
    },
  }
}
