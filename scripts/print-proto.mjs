// Prints a compiled proto file back as source, as far as a compiler needs it to resolve imports: messages, enums,
// extensions, ranges. @bufbuild/protovalidate ships its rules only as a descriptor, and importing files must compile.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(import.meta.url)
const scalarNames = [
  '',
  'double',
  'float',
  'int64',
  'uint64',
  'int32',
  'fixed64',
  'fixed32',
  'bool',
  'string',
  'group',
  '',
  'bytes',
  'uint32',
  '',
  'sfixed32',
  'sfixed64',
  'sint32',
  'sint64',
]
const messageType = 11
const enumType = 14

function printField(field, syntax, insideOneof) {
  const type = field.type === messageType || field.type === enumType ? field.typeName : scalarNames[field.type]
  const label =
    field.label === 3
      ? 'repeated '
      : insideOneof
        ? ''
        : syntax === 'proto2'
          ? 'optional '
          : field.proto3Optional
            ? 'optional '
            : ''
  return `${label}${type} ${field.name} = ${field.number};`
}

function printEnum(definition, indent) {
  const values = definition.value.map((value) => `${indent}  ${value.name} = ${value.number};`)
  return [`${indent}enum ${definition.name} {`, ...values, `${indent}}`]
}

function printExtensions(fields, syntax, indent) {
  return fields.flatMap((field) => [
    `${indent}extend ${field.extendee} {`,
    `${indent}  ${printField(field, syntax, false)}`,
    `${indent}}`,
  ])
}

function printMessage(message, syntax, indent) {
  const inner = `${indent}  `
  const lines = [`${indent}message ${message.name} {`]
  const oneofs = message.oneofDecl.map((declaration, index) => ({
    name: declaration.name,
    fields: message.field.filter((field) => field.oneofIndex === index && hasOneof(field) && !field.proto3Optional),
  }))
  const free = message.field.filter((field) => !hasOneof(field) || field.proto3Optional)
  for (const field of free) lines.push(inner + printField(field, syntax, false))
  for (const oneof of oneofs.filter((candidate) => candidate.fields.length > 0)) {
    lines.push(`${inner}oneof ${oneof.name} {`)
    for (const field of oneof.fields) lines.push(`${inner}  ${printField(field, syntax, true)}`)
    lines.push(`${inner}}`)
  }
  for (const range of message.extensionRange) {
    const last = range.end >= 536870912 ? 'max' : range.end - 1
    lines.push(`${inner}extensions ${range.start} to ${last};`)
  }
  for (const nested of message.nestedType) lines.push(...printMessage(nested, syntax, inner))
  for (const nested of message.enumType) lines.push(...printEnum(nested, inner))
  lines.push(...printExtensions(message.extension, syntax, inner), `${indent}}`)
  return lines
}

function hasOneof(field) {
  return Object.hasOwn(field, 'oneofIndex')
}

/** Source text of a FileDescriptorProto, comments and options left out. */
export function printProto(file) {
  const syntax = file.syntax === '' ? 'proto2' : file.syntax
  const lines = [
    '// Derived from the descriptor in the npm package @bufbuild/protovalidate (Apache-2.0); do not edit.',
    `syntax = "${syntax}";`,
    `package ${file.package};`,
    ...file.dependency.map((path) => `import "${path}";`),
    ...file.enumType.flatMap((definition) => printEnum(definition, '')),
    ...file.messageType.flatMap((message) => printMessage(message, syntax, '')),
    ...printExtensions(file.extension, syntax, ''),
  ]
  return `${lines.join('\n')}\n`
}

/** The rules of protovalidate as `buf/validate/validate.proto`. */
export async function printValidateProto() {
  const entry = require.resolve('@bufbuild/protovalidate/gen/buf/validate/validate_pb.js')
  const { file_buf_validate_validate: file } = await import(pathToFileURL(entry))
  return printProto(file.proto ?? file)
}
