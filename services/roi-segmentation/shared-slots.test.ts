import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createKernelMemory } from '../shared/wasm/start-kernel.ts'
import { createSharedSlots, type SharedSlot } from './shared-slots.ts'

const mebibyte = 2 ** 20

function addressOf({ pixels }: SharedSlot): number {
  assert.ok('at' in pixels)
  return pixels.at as number
}

describe('createSharedSlots', () => {
  it('copies the pixels to a place that no other strip has until it is released', () => {
    const memory = createKernelMemory(64 * mebibyte)
    const slots = createSharedSlots(memory)
    const strips = [1, 2, 3].map((gray) => new Uint8Array(100_000).fill(gray))
    const shared = strips.map((pixels) => slots.share(pixels))
    shared.forEach((slot, i) => {
      const at = addressOf(slot)
      assert.deepEqual(new Uint8Array(memory.buffer, at, 100_000), strips[i])
    })
    shared[1]!.release()
    assert.equal(addressOf(slots.share(strips[0]!)), addressOf(shared[1]!))
    assert.equal(new Set([addressOf(slots.share(strips[0]!)), ...shared.map(addressOf)]).size, 4)
  })

  it('hands pixels through that lie in shared memory', () => {
    const memory = createKernelMemory(64 * mebibyte)
    const bytes = memory.buffer.byteLength
    const pixels = new Uint8Array(new SharedArrayBuffer(1000))
    assert.equal(createSharedSlots(memory).share(pixels).pixels, pixels)
    assert.equal(memory.buffer.byteLength, bytes)
  })

  it('takes no more than a few times the largest strip where every strip is longer than the one before', () => {
    const memory = createKernelMemory(1024 * mebibyte)
    const slots = createSharedSlots(memory)
    const before = memory.buffer.byteLength
    const largest = 8 * mebibyte
    for (let bytes = 65_536; bytes <= largest; bytes += 65_536) slots.share(new Uint8Array(bytes)).release()
    const taken = memory.buffer.byteLength - before
    assert.ok(taken < 8 * largest, `${taken} bytes for strips of at most ${largest}`)
  })

  it('says resource_exhausted where the memory is at its maximum', () => {
    const slots = createSharedSlots(createKernelMemory(4 * mebibyte))
    assert.throws(() => slots.share(new Uint8Array(8 * mebibyte)), { code: 'resource_exhausted', retryable: false })
  })
})
