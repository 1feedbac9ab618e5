import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { file_third_party_google_rpc_error_details } from '../../gen/third_party/google/rpc/error_details_pb.ts'
import { ServerReflection as ServerReflectionV1 } from '../../gen/third_party/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as ServerReflectionV1Alpha } from '../../gen/third_party/grpc/reflection/v1alpha/reflection_pb.ts'
import { implement } from './implement.ts'
import type { ServiceImplementation } from './types.ts'

const notFound = 5
const invalidArgument = 3

type Question =
  | { readonly case: 'fileByFilename' | 'fileContainingSymbol' | 'allExtensionNumbersOfType'; readonly value: string }
  | { readonly case: 'listServices'; readonly value: string }
  | {
      readonly case: 'fileContainingExtension'
      readonly value: { readonly containingType: string; readonly extensionNumber: number }
    }
  | { readonly case: undefined; readonly value?: undefined }

type Described = { readonly typeName: string; readonly file: DescFile }

/** Everything that reflection answers from: files by name, by symbol and by extension. */
interface Index {
  readonly files: ReadonlyMap<string, DescFile>
  readonly symbols: ReadonlyMap<string, DescFile>
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, DescFile>>
}

function indexFiles(services: readonly DescService[]): Index {
  const files = new Map<string, DescFile>()
  const symbols = new Map<string, DescFile>()
  const extensions = new Map<string, Map<number, DescFile>>()
  const add = (file: DescFile) => {
    // A descriptor's own name has its suffix; the name in its proto is the one that imports use.
    if (files.has(file.proto.name)) return
    files.set(file.proto.name, file)
    const note = ({ typeName }: Described) => symbols.set(typeName, file)
    for (const enumeration of file.enums) note(enumeration)
    for (const service of file.services) {
      note(service)
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file)
    }
    const messages = [...file.messages]
    for (let message = messages.pop(); message !== undefined; message = messages.pop()) {
      note(message)
      for (const field of message.fields) symbols.set(`${message.typeName}.${field.name}`, file)
      for (const enumeration of message.nestedEnums) note(enumeration)
      messages.push(...message.nestedMessages)
    }
    for (const extension of file.extensions) {
      note(extension)
      const ofType = extensions.get(extension.extendee.typeName) ?? new Map<number, DescFile>()
      extensions.set(extension.extendee.typeName, ofType.set(extension.number, file))
    }
    for (const dependency of file.dependencies) add(dependency)
  }
  for (const service of services) add(service.file)
  // No service refers to these, but clients look them up to print the details of an error.
  add(file_third_party_google_rpc_error_details)
  return { files, symbols, extensions }
}

/** The file and all that it imports, serialised, itself first. */
function serialiseWithDependencies(file: DescFile): Uint8Array[] {
  const seen = new Set<DescFile>()
  const visit = (next: DescFile) => {
    if (seen.has(next)) return
    seen.add(next)
    for (const dependency of next.dependencies) visit(dependency)
  }
  visit(file)
  return [...seen].map((next) => toBinary(FileDescriptorProtoSchema, next.proto))
}

function fail(errorCode: number, errorMessage: string) {
  return { case: 'errorResponse' as const, value: { errorCode, errorMessage } }
}

function answer(index: Index, names: readonly string[], question: Question) {
  const withFile = (file: DescFile | undefined, what: string) =>
    file === undefined
      ? fail(notFound, `${what} is not known to this server.`)
      : {
          case: 'fileDescriptorResponse' as const,
          value: { fileDescriptorProto: serialiseWithDependencies(file) },
        }
  switch (question.case) {
    case 'listServices':
      return { case: 'listServicesResponse' as const, value: { service: names.map((name) => ({ name })) } }
    case 'fileByFilename':
      return withFile(index.files.get(question.value), `File ${question.value}`)
    case 'fileContainingSymbol':
      return withFile(index.symbols.get(question.value), `Symbol ${question.value}`)
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value
      const file = index.extensions.get(containingType)?.get(extensionNumber)
      return withFile(file, `Extension ${extensionNumber} of ${containingType}`)
    }
    case 'allExtensionNumbersOfType': {
      if (!index.symbols.has(question.value))
        return fail(notFound, `Type ${question.value} is not known to this server.`)
      const extensionNumber = [...(index.extensions.get(question.value)?.keys() ?? [])]
      return {
        case: 'allExtensionNumbersResponse' as const,
        value: { baseTypeName: question.value, extensionNumber },
      }
    }
    case undefined:
      return fail(invalidArgument, 'The request asks nothing.')
    default:
      return question satisfies never
  }
}

/**
 * Server reflection v1 and v1alpha for the given services, so that a client such as grpcurl needs no proto file. A file
 * comes with everything that it imports, with options and validation rules as they were compiled.
 */
export function createReflectionServices(services: readonly DescService[]): ServiceImplementation[] {
  const all = [...services, ServerReflectionV1, ServerReflectionV1Alpha]
  const index = indexFiles(all)
  const names = all.map((service) => service.typeName).sort()
  return [
    implement(ServerReflectionV1, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          const messageResponse = answer(index, names, request.messageRequest)
          yield { validHost: request.host, originalRequest: request, messageResponse }
        }
      },
    }),
    implement(ServerReflectionV1Alpha, {
      async *serverReflectionInfo(requests) {
        for await (const request of requests) {
          const messageResponse = answer(index, names, request.messageRequest)
          yield { validHost: request.host, originalRequest: request, messageResponse }
        }
      },
    }),
  ]
}
