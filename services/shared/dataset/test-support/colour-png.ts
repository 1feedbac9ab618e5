import { crc32, deflateSync } from 'node:zlib'

/** A 50x50 PNG of one colour: RGB or, with four values, RGBA, of 8 or 16 bits. */
export function colourPng(bits: 8 | 16, colour: readonly number[]): Buffer {
  const side = 50
  const pixel = Buffer.alloc((colour.length * bits) / 8)
  for (const [i, value] of colour.entries()) bits === 8 ? pixel.writeUInt8(value, i) : pixel.writeUInt16BE(value, 2 * i)
  const row = Buffer.concat([Buffer.of(0), ...Array.from({ length: side }, () => pixel)])
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header.set([bits, colour.length === 4 ? 6 : 2], 8)
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(Array.from({ length: side }, () => row)))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}
