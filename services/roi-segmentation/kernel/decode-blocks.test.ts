import assert from 'node:assert/strict'
import { it } from 'node:test'
import { blockBytes, blockLayoutOf } from '../../shared/strips/block-layout.ts'
import { checkBlocks } from '../../shared/strips/check-blocks.ts'
import { decodeBlocks } from '../../shared/strips/decode-blocks.ts'
import { createWasmSegmenter } from './create-wasm-segmenter.ts'
import { randomFrom } from './drawn-image.ts'
import { takeStripPlace } from './wasm-kernel.ts'

it('decodes random blocks in the kernel as in plain TypeScript, and writes nothing beyond the strip', () => {
  const random = randomFrom(5)
  for (let turn = 0; turn < 60; turn++) {
    const width = 1 + Math.floor(random() * 300)
    const rows = 1 + Math.floor(random() * 40)
    const { across, down, bitmapStride, bitmapBytes } = blockLayoutOf(width, rows)
    const bitmap = new Uint8Array(bitmapBytes)
    const share = random()
    let count = 0
    for (let row = 0; row < down; row++) {
      for (let block = 0; block < across; block++) {
        if (random() > share) continue
        bitmap[row * bitmapStride + (block >> 3)]! |= 1 << (block & 7)
        count++
      }
    }
    const blocks = new Uint8Array(count * blockBytes).map(() => random() * 256)
    const fill = Math.floor(random() * 100)
    assert.deepEqual(checkBlocks({ bitmap, blocks, fill }, width, rows, 100), [])
    const kernel = createWasmSegmenter({ width })
    const place = takeStripPlace(kernel.memory, bitmap.length + blocks.length)
    const placed = kernel.view(place.at, bitmap.length + blocks.length)
    placed.set(bitmap)
    placed.set(blocks, bitmap.length)
    // The same place as the decoding below takes, with what a larger strip left behind.
    const before = kernel.decode({ bitmapAt: place.at, blocksAt: place.at + bitmap.length, fill: 255 - fill }, rows)
    const beyond = kernel.view(before.byteOffset + before.length, 64)
    beyond.fill(123)
    const pixels = kernel.decode({ bitmapAt: place.at, blocksAt: place.at + bitmap.length, fill }, rows)
    const expected = decodeBlocks({ bitmap, blocks, fill }, width, rows, new Uint8Array(width * rows))
    assert.equal(Buffer.compare(Buffer.from(pixels), Buffer.from(expected)), 0, `${width} x ${rows}`)
    assert.ok(beyond.every((byte) => byte === 123))
  }
})
