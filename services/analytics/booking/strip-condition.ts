import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ColumnRangeSchema, FollowState, StripHeaderSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { StripCondition } from './entries.ts'

/**
 * A condition as a part's row keeps it: the header's fields of that name, null where no dirt stands and light and sizes are
 * not lost.
 */
export function packCondition(condition: StripCondition | undefined): Uint8Array | null {
  if (condition === undefined) return null
  const { lightState, sizeState, dirtyColumns } = condition
  const isLost = lightState === FollowState.LOST || sizeState === FollowState.LOST
  if (!isLost && dirtyColumns.length === 0) return null
  const ranges = dirtyColumns.map(({ from, to }) => create(ColumnRangeSchema, { from, to }))
  return toBinary(StripHeaderSchema, create(StripHeaderSchema, { lightState, sizeState, dirtyColumns: ranges }))
}

/** The condition that a row keeps. */
export function unpackCondition(camera: string, bytes: Uint8Array | null): StripCondition {
  const header = fromBinary(StripHeaderSchema, bytes ?? new Uint8Array())
  const { lightState, sizeState, dirtyColumns } = header
  return { camera, lightState, sizeState, dirtyColumns: dirtyColumns.map(({ from, to }) => ({ from, to })) }
}
