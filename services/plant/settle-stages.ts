import { analyticsGroup } from '../analytics/index.ts'
import type { Bus } from '../shared/bus/bus.ts'
import { topics } from '../shared/bus/topics.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { Clock } from '../shared/service/clock.ts'
import { studentGroup } from '../student-inference/index.ts'
import { teacherGroup } from '../teacher-audit/index.ts'

type Stage = readonly [topic: string, group: string]

/** The stage whose end means that every crop has its verdict. */
export const judging: readonly Stage[] = [[topics.crops.name, studentGroup]]

/** Topic and group of each stage behind segmentation, in the order of the product's flow. */
export const allStages: readonly Stage[] = [
  ...judging,
  [topics.auditRequests.name, teacherGroup],
  [topics.verdicts.name, analyticsGroup],
  [topics.audits.name, analyticsGroup],
]

/**
 * Waits until the groups have committed everything, one stage after the other, for as long as they get on: at most
 * `timeoutMs` without a message less. A bus that cannot be asked at the moment is asked again.
 */
export async function settleStages(
  bus: Pick<Bus, 'lag'>,
  stages: readonly Stage[],
  timeoutMs: number,
  clock: Pick<Clock, 'now' | 'sleep'>,
): Promise<void> {
  let deadline = clock.now() + timeoutMs
  for (const [topic, group] of stages) {
    let least = Number.POSITIVE_INFINITY
    while (clock.now() < deadline) {
      const messages = (await askLag(bus, topic, group)) ?? least
      if (messages === 0) break
      if (messages < least) deadline = clock.now() + timeoutMs
      least = Math.min(least, messages)
      await clock.sleep(50)
    }
  }
}

/** Messages that a group has not committed; undefined where the bus cannot be asked. */
async function askLag(bus: Pick<Bus, 'lag'>, topic: string, group: string): Promise<number | undefined> {
  try {
    return (await bus.lag(topic, group)).messages
  } catch (reason) {
    if (!PelletlineError.from(reason).retryable) throw reason
    return undefined
  }
}
