import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { decodeGray } from './decode-gray.ts'
import { encodeGrayPng } from './encode-gray-png.ts'
import { renderSvgAsPng } from './render-svg.ts'

const ramp = Uint8Array.from({ length: 256 }, (_, i) => i)

test('8-bit gray is decoded to the bit', async () => {
  const image = await decodeGray(await encodeGrayPng(ramp, 16, 16), 'ramp.png')
  assert.deepEqual(image, { width: 16, height: 16, pixels: ramp })
})

test('16-bit gray is scaled to 8 bits', async () => {
  const wide = Uint16Array.from(ramp, (value) => value * 257)
  const png = await sharp(wide, { raw: { width: 16, height: 16, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer()
  assert.equal((await sharp(png).metadata()).depth, 'ushort')
  assert.deepEqual((await decodeGray(png, 'wide.png')).pixels, ramp)
})

test('colour with transparency becomes gray', async () => {
  const pixels = Uint8Array.from({ length: 4 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 10 : 77))
  const png = await sharp(pixels, { raw: { width: 4, height: 4, channels: 4 } })
    .png()
    .toBuffer()
  assert.deepEqual([...new Set((await decodeGray(png, 'colour.png')).pixels)], [77])
})

test('image as viewed has its transparent pixels over black and is turned upright', async () => {
  const pixels = Uint8Array.of(200, 255, 200, 0, 100, 255, 90, 255, 80, 255, 70, 255)
  const png = await sharp(pixels, { raw: { width: 3, height: 2, channels: 2 } })
    .withMetadata({ orientation: 6 })
    .png()
    .toBuffer()
  const viewed = await decodeGray(png, 'viewed.png', { asViewed: true })
  assert.deepEqual([viewed.width, viewed.height], [2, 3])
  assert.deepEqual([...viewed.pixels], [90, 200, 80, 0, 70, 100])
})

test('truncated, foreign and oversized images are refused by name', async () => {
  const noise = Uint8Array.from({ length: 100 * 100 }, (_, i) => (i * 7919) & 255)
  const png = await encodeGrayPng(noise, 100, 100)
  const refused = { code: 'invalid_argument', message: /x\.png cannot be decoded as an image/ }
  await assert.rejects(decodeGray(png.subarray(0, png.length >> 1), 'x.png'), refused)
  await assert.rejects(decodeGray(Buffer.from('hello'), 'x.png'), refused)
  await assert.rejects(decodeGray(new Uint8Array(), 'x.png'), refused)
  await assert.rejects(decodeGray(png, 'x.png', { maxPixels: 5000 }), refused)
})

test('SVG is rendered to a PNG of its own size with the text in it', async () => {
  const svg = (text: string) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><rect width="60" height="20" fill="white"/><text x="4" y="15" font-size="14">${text}</text></svg>`
  const written = await decodeGray(await renderSvgAsPng(svg('NG')), 'text.png')
  assert.deepEqual([written.width, written.height], [60, 20])
  assert.ok(written.pixels.some((value) => value < 80))
  const empty = await decodeGray(await renderSvgAsPng(svg('')), 'empty.png')
  assert.ok(empty.pixels.every((value) => value === 255))
})
