import { crc32, deflateSync } from 'node:zlib'

/** A gray PNG of 16 bits a pixel that holds the levels as they are, row by row. */
export function encodeDeepPng(levels: Uint16Array, width: number): Buffer {
  const rows = levels.length / width
  const scan = Buffer.alloc(rows * (1 + 2 * width))
  levels.forEach((level, i) => {
    const row = Math.floor(i / width)
    scan.writeUInt16BE(level, row * (1 + 2 * width) + 1 + 2 * (i % width))
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(rows, 4)
  header.set([16, 0, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(scan)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}
