/** The bytes of floats as the protocol wants them, little-endian, which every machine that runs Node here has. */
export function asLittleEndian({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
