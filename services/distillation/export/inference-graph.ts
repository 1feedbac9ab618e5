import type { ModelProto, NodeProto, TensorProto } from '../../gen/third_party/onnx/onnx_pb.ts'
import { cropSide } from '../../shared/inspection/crop.ts'
import {
  type AttributeValue,
  modelProto,
  nodeProto,
  type OnnxType,
  observedTensor,
  type TensorData,
  tensorProto,
  valueInfo,
} from '../../shared/onnx/onnx-proto.ts'
import type { ConvolutionShape } from '../operators/convolution.ts'

/** The served model while it is written. */
export interface InferenceGraph {
  /** Adds a constant; returns its name. */
  constant(name: string, type: OnnxType, dims: readonly number[], data: TensorData): string
  /** Adds a node with one output; returns the output's name. */
  node(
    op: string,
    inputs: readonly string[],
    output: string,
    attributes?: Readonly<Record<string, AttributeValue>>,
  ): string
  /**
   * The whole model: `pellet` uint8 [N,1,50,50] to `logits` float32 [N,2], which is `last` where it has another name.
   * `observed` float32 tensors are outputs too.
   */
  finish(name: string, last: string, observed?: readonly string[]): ModelProto
}

/** Starts an empty served model. */
export function createInferenceGraph(): InferenceGraph {
  const nodes: NodeProto[] = []
  const initializers: TensorProto[] = []
  const node: InferenceGraph['node'] = (op, inputs, output, attributes = {}) => {
    nodes.push(nodeProto(op, inputs, [output], attributes))
    return output
  }
  return {
    node,
    constant: (name, type, dims, data) => {
      initializers.push(tensorProto(name, type, dims, data))
      return name
    },
    finish: (name, last, observed = []) => {
      if (last !== 'logits') node('Identity', [last], 'logits')
      return modelProto({
        name,
        node: nodes,
        initializer: initializers,
        input: [valueInfo('pellet', 'uint8', ['N', 1, cropSide, cropSide])],
        output: [valueInfo('logits', 'float32', ['N', 2]), ...observed.map(observedTensor)],
      })
    },
  }
}

/** Attributes of a square convolution or pool. */
export function windowAttributes({ kernel, stride, padding }: ConvolutionShape): Record<string, AttributeValue> {
  return {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
  }
}
