import type { DescEnum } from '@bufbuild/protobuf'

/** Name of an enum's value without its prefix, e.g. `NOT_JUDGED`; `UNSPECIFIED` for a value that this program does not know. */
export function enumName(schema: DescEnum, value: number): string {
  return schema.value[value]?.localName ?? 'UNSPECIFIED'
}
