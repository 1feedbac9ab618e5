import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { type ImageStripsOptions, openImageStrips } from './open-image-strips.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-test-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const width = 40
const height = 30
const gray = Uint8Array.from({ length: width * height }, (_, i) => (i * 37) % 256)
const image = () => sharp(gray, { raw: { width, height, channels: 1 } }).toColourspace('b-w')

async function readAll(path: string, options: Partial<ImageStripsOptions> = {}) {
  const strips = await openImageStrips(path, { rowsPerStrip: 7, ...options })
  const rows: { firstRow: number; rows: number }[] = []
  const pixels: number[] = []
  for await (const strip of strips.strips()) {
    assert.equal(strip.pixels.length, strip.width * strip.rows)
    rows.push({ firstRow: strip.firstRow, rows: strip.rows })
    pixels.push(...strip.pixels)
  }
  await strips.close()
  return { strips, rows, pixels: Uint8Array.from(pixels) }
}

describe('openImageStrips', () => {
  it('reads PNG, TIFF and lossless WebP as the gray pixels they hold, in strips', async () => {
    for (const [name, write] of [
      ['a.png', () => image().png().toFile(join(folder, 'a.png'))],
      ['a.tiff', () => image().tiff({ compression: 'lzw' }).toFile(join(folder, 'a.tiff'))],
      ['a.webp', () => image().webp({ lossless: true }).toFile(join(folder, 'a.webp'))],
    ] as const) {
      await write()
      const { strips, rows, pixels } = await readAll(join(folder, name))
      assert.deepEqual([strips.width, strips.height], [width, height])
      assert.deepEqual(
        rows.map(({ rows: n }) => n),
        [7, 7, 7, 7, 2],
      )
      assert.deepEqual(pixels, gray, name)
    }
  })

  it('reads JPEG, and 16 bit by its upper 8 bits', async () => {
    const flat = sharp({ create: { width, height, channels: 3, background: { r: 200, g: 200, b: 200 } } })
    await flat.jpeg({ quality: 95 }).toFile(join(folder, 'a.jpg'))
    assert.ok((await readAll(join(folder, 'a.jpg'))).pixels.every((level) => Math.abs(level - 200) <= 2))
    const deep = Uint16Array.from({ length: 16 }, (_, i) => i * 4096 + 255)
    await sharp(deep, { raw: { width: 4, height: 4, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toFile(join(folder, 'deep.png'))
    const { pixels } = await readAll(join(folder, 'deep.png'))
    for (const [i, level] of pixels.entries()) assert.ok(Math.abs(level - i * 16) <= 1, `${level} for ${i * 16}`)
  })

  it('applies the orientation, lays alpha over black and reads a region only', async () => {
    await image().jpeg({ quality: 100 }).withMetadata({ orientation: 6 }).toFile(join(folder, 'turned.jpg'))
    const turned = await readAll(join(folder, 'turned.jpg'))
    assert.deepEqual([turned.strips.width, turned.strips.height], [height, width])
    assert.ok(Math.abs(turned.pixels[height - 1]! - gray[0]!) < 30)

    const clear = {
      create: { width: 4, height: 4, channels: 4, background: { r: 255, g: 255, b: 255, alpha: 0 } },
    } as const
    await sharp(clear).png().toFile(join(folder, 'clear.png'))
    assert.ok((await readAll(join(folder, 'clear.png'))).pixels.every((level) => level === 0))

    await image().png().toFile(join(folder, 'roi.png'))
    const roi = { x: 5, y: 11, width: 9, height: 13 }
    const { pixels } = await readAll(join(folder, 'roi.png'), { roi })
    const expected: number[] = []
    for (let y = 11; y < 24; y++) expected.push(...gray.subarray(y * width + 5, y * width + 14))
    assert.deepEqual(pixels, Uint8Array.from(expected))
  })

  it('spools a large image, reads it twice the same, and removes the spool', async () => {
    const wide = 8192
    const tall = 3100
    const row = Uint8Array.from({ length: wide }, (_, x) => x % 251)
    const bytes = new Uint8Array(wide * tall)
    for (let y = 0; y < tall; y++) {
      bytes.set(row, y * wide)
      bytes[y * wide] = y % 256
    }
    const path = join(folder, 'large.png')
    await sharp(bytes, { raw: { width: wide, height: tall, channels: 1 } })
      .toColourspace('b-w')
      .png({ compressionLevel: 1 })
      .toFile(path)
    const spools = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('pelletline-image-')).length
    const strips = await openImageStrips(path, { rowsPerStrip: 1024, roi: { x: 0, y: 50, width: wide, height: 3000 } })
    assert.ok((await spools()) >= 1)
    for (let pass = 0; pass < 2; pass++) {
      let next = 0
      for await (const strip of strips.strips()) {
        assert.equal(strip.firstRow, next)
        for (let y = 0; y < strip.rows; y += 100) {
          assert.equal(strip.pixels[y * wide], (strip.firstRow + y + 50) % 256)
          assert.equal(strip.pixels[y * wide + 300], 49)
        }
        next += strip.rows
      }
      assert.equal(next, 3000)
    }
    await strips.close()
    await assert.rejects(async () => {
      for await (const strip of strips.strips()) assert.ok(strip)
    })
  })

  it('stops at an aborted signal', async () => {
    await image().png().toFile(join(folder, 'stop.png'))
    const controller = new AbortController()
    const strips = await openImageStrips(join(folder, 'stop.png'), { rowsPerStrip: 7, signal: controller.signal })
    await assert.rejects(
      async () => {
        for await (const strip of strips.strips()) controller.abort(strip.firstRow)
      },
      (reason) => reason === 0,
    )
  })

  it('names the path and what is wrong with a missing, empty, foreign or truncated file, a folder and a region outside', async () => {
    const refuses = (path: string, code: string, message: RegExp, options: Partial<ImageStripsOptions> = {}) =>
      assert.rejects(readAll(path, options), (error) => {
        assert.ok(error instanceof PelletlineError)
        assert.equal(error.code, code)
        assert.match(error.message, message)
        assert.ok(error.message.startsWith(path), error.message)
        return true
      })
    await image().png().toFile(join(folder, 'good.png'))
    await writeFile(join(folder, 'empty.png'), '')
    await writeFile(join(folder, 'text.png'), 'this is no image\n')
    const noisy = Uint8Array.from({ length: 600 * 400 }, (_, i) => (i * 7919) % 256)
    for (const format of ['jpeg', 'png', 'tiff', 'webp'] as const) {
      const whole = await sharp(noisy, { raw: { width: 600, height: 400, channels: 1 } })
        .toFormat(format)
        .toBuffer()
      await writeFile(join(folder, `cut.${format}`), whole.subarray(0, Math.floor(whole.length * 0.6)))
      await refuses(join(folder, `cut.${format}`), 'invalid_argument', /truncated|cannot be read/)
    }
    await mkdir(join(folder, 'dir.png'), { recursive: true })
    await refuses(join(folder, 'none.png'), 'not_found', /cannot be opened/)
    await refuses(join(folder, 'empty.png'), 'invalid_argument', /empty \(0 bytes\)/)
    await refuses(join(folder, 'text.png'), 'invalid_argument', /cannot be read as an image/)
    await refuses(join(folder, 'dir.png'), 'invalid_argument', /not a file/)
    await writeFile(join(folder, 'drawn.png'), '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    await refuses(join(folder, 'drawn.png'), 'invalid_argument', /format is svg/)
    await symlink('loop.png', join(folder, 'loop.png'))
    await refuses(join(folder, 'loop.png'), 'invalid_argument', /ELOOP/)
    await refuses(join(folder, 'good.png'), 'invalid_argument', /40 x 30 px/, {
      roi: { x: 30, y: 0, width: 11, height: 5 },
    })
  })

  it('refuses an image that claims more pixels than any scan has before it decodes one', async () => {
    const path = join(folder, 'claim.png')
    const png = await image().png().toBuffer()
    png.writeUInt32BE(60_000, 16)
    png.writeUInt32BE(60_000, 20)
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29)
    await writeFile(path, png)
    await assert.rejects(readAll(path), { code: 'invalid_argument', message: /claims 60000 x 60000 px, the limit is/ })
  })
})
