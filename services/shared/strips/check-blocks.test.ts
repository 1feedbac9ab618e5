import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blockLayoutOf } from './block-layout.ts'
import { checkBlocks } from './check-blocks.ts'
import { decodeBlocks } from './decode-blocks.ts'

// 40 x 6 px: three blocks beside one another, the last one half beyond the strip, two rows of them.
const width = 40
const rows = 6
const bitmap = Uint8Array.of(0b101, 0b010)
const blocks = new Uint8Array(3 * 64).map((_, i) => 1 + (i >> 6))

test('blocks are decoded where the bitmap says, and fill is between and nothing beyond', () => {
  assert.deepEqual(blockLayoutOf(width, rows), { across: 3, down: 2, bitmapStride: 1, bitmapBytes: 2 })
  assert.deepEqual(checkBlocks({ bitmap, blocks, fill: 9 }, width, rows, 50), [])
  const target = new Uint8Array(width * rows + 5).fill(77)
  const pixels = decodeBlocks({ bitmap, blocks, fill: 9 }, width, rows, target)
  const row = (values: readonly [number, number, number]) =>
    values.flatMap((value, block) => Array<number>(block === 2 ? 8 : 16).fill(value))
  const expected = [...Array(4).fill(row([1, 9, 2])), ...Array(2).fill(row([9, 3, 9]))].flat()
  assert.deepEqual([...pixels], expected)
  assert.deepEqual([...target.subarray(width * rows)], [77, 77, 77, 77, 77])
})

test('blocks that are not those of the strip are refused by field', () => {
  const fields = (change: object, level = 50) =>
    checkBlocks({ bitmap, blocks, fill: 9, ...change }, width, rows, level).map(({ field }) => field)
  assert.deepEqual(fields({ bitmap: bitmap.subarray(1) }), ['block_bitmap'])
  assert.deepEqual(fields({ bitmap: Uint8Array.of(0b101, 0b1000) }), ['block_bitmap'])
  assert.deepEqual(fields({ blocks: blocks.subarray(1) }), ['pixels'])
  assert.deepEqual(fields({ blocks: new Uint8Array(4 * 64) }), ['pixels'])
  assert.deepEqual(fields({ fill: 51 }), ['fill'])
})
