import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'

// Node does not see this one export of kafkajs by its name.
const { CompressionCodecs, CompressionTypes } = kafkajs

const decompress = promisify(zstdDecompress)

/** Reads alone: the bus compresses nothing. */
const zstd = { decompress: (buffer: Buffer) => decompress(buffer) }

/** What reading comes to where somebody else has compressed by a codec for which neither kafkajs nor Node has a decoder. */
function refuse(codec: string): () => never {
  return () => {
    const text = `the records are compressed by ${codec}, which bus.client: kafkajs does not read; set bus.client: platformatic`
    throw Object.assign(new Error(text), { retriable: false })
  }
}

/** kafkajs 2.2.4 brings gzip alone; zstd is Node's own. The table of codecs is one for all clients of a process. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd
  CompressionCodecs[CompressionTypes.Snappy] = refuse('snappy')
  CompressionCodecs[CompressionTypes.LZ4] = refuse('lz4')
}
