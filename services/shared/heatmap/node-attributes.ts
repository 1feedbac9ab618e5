import {
  type AttributeProto,
  AttributeProto_AttributeType,
  type NodeProto,
} from '../../gen/third_party/onnx/onnx_pb.ts'

function find(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name)
}

/** A whole-number attribute of a node, or its default. */
export function intAttribute(node: NodeProto, name: string, byDefault: number): number {
  const found = find(node, name)
  return found?.type === AttributeProto_AttributeType.INT ? Number(found.i) : byDefault
}

/** A real attribute of a node, or its default. */
export function floatAttribute(node: NodeProto, name: string, byDefault: number): number {
  const found = find(node, name)
  return found?.type === AttributeProto_AttributeType.FLOAT ? found.f : byDefault
}

/** An attribute of several whole numbers, or its default. */
export function intsAttribute(node: NodeProto, name: string, byDefault: readonly number[]): readonly number[] {
  const found = find(node, name)
  return found === undefined || found.ints.length === 0 ? byDefault : found.ints.map(Number)
}

/** A text attribute of a node, or its default. */
export function stringAttribute(node: NodeProto, name: string, byDefault: string): string {
  const found = find(node, name)
  return found === undefined ? byDefault : new TextDecoder().decode(found.s)
}
