import { create, type DescMessage, type MessageInitShape, toJson } from '@bufbuild/protobuf'

/**
 * A message of the protocol as its REST half writes it: the proto's names, everything present, and 64-bit numbers as
 * numbers, where proto's JSON has texts. `texts` names the members that hold texts and stay such.
 */
export function restJson<Desc extends DescMessage>(
  schema: Desc,
  init: MessageInitShape<Desc>,
  texts: readonly string[],
): unknown {
  const json = toJson(schema, create(schema, init), { useProtoFieldName: true, alwaysEmitImplicit: true })
  const convert = (value: unknown, name: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => convert(item, name))
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, convert(member, key)]))
    }
    return typeof value === 'string' && !texts.includes(name) ? Number(value) : value
  }
  return convert(json, '')
}
