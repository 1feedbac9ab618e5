import { rowAt } from './carried-rows'
import { RunList, runBytes, runsEnd, runX0, runX1, runY } from './run-list'

/** Lanes 0 to 15: a byte is within the first n where its lane is below n. */
function firstBytes(n: i32): v128 {
  return i8x16.lt_u(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(i8(n)))
}

/** Sum of the gray levels of a region whose rows count from `baseRow`. Reads up to 15 bytes behind a run. */
export function sumGray(runs: RunList, baseRow: i32): f64 {
  const end = runsEnd(runs)
  let total: i64 = 0
  for (let run = runs.at; run < end; run += runBytes) {
    let at = rowAt(baseRow + runY(run)) + usize(runX0(run))
    let left = runX1(run) - runX0(run)
    let sum = i32x4.splat(0)
    for (; left >= 16; left -= 16, at += 16) {
      sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(v128.load(at))))
    }
    const rest = v128.and(v128.load(at), firstBytes(left))
    sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(rest)))
    total += i64(
      i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3),
    )
  }
  return f64(total)
}
