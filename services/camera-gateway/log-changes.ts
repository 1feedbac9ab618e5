import { FollowState } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import type { ColumnSpan } from './merge-columns.ts'

const stateNames: Readonly<Record<FollowState, string>> = {
  [FollowState.UNSPECIFIED]: 'not stated',
  [FollowState.NOMINAL]: 'nominal',
  [FollowState.FOLLOWING]: 'followed',
  [FollowState.HELD]: 'held',
  [FollowState.LOST]: 'lost',
}

/** Says what the gateway follows by itself, once per change. */
export interface ChangeLog {
  /** State of `light` or `size`, with the reason where it is lost. */
  state(what: 'light' | 'size', state: FollowState, reason: string): void
  dirt(columns: readonly ColumnSpan[]): void
}

/** Creates the log of one run; nothing is said of the states it begins with. */
export function createChangeLog(logger: Logger, run: string): ChangeLog {
  const states: Record<'light' | 'size', FollowState> = { light: FollowState.NOMINAL, size: FollowState.NOMINAL }
  let dirt = ''
  return {
    state(what, state, reason) {
      const before = states[what]
      if (state === before) return
      states[what] = state
      const fields = { run, state: stateNames[state], before: stateNames[before] }
      if (state === FollowState.LOST) {
        logger.warn(fields, `the ${what} is lost, verdicts are not to be trusted: ${reason}`)
      } else if (before === FollowState.LOST) {
        logger.warn(fields, `the ${what} is found again`)
      } else {
        logger.info(fields, `the ${what} is ${stateNames[state]}`)
      }
    },
    dirt(columns) {
      const text = columns.map(({ from, to }) => (to === from + 1 ? `${from}` : `${from} to ${to - 1}`)).join(', ')
      if (text === dirt) return
      dirt = text
      if (text === '') logger.info({ run }, 'no column is dirty any more')
      else logger.warn({ run, columns: text }, `dirt or dead pixels in columns ${text}: clean window and lens`)
    },
  }
}
