import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import {
  type Convolution,
  depthwiseFilterGradient,
  depthwiseInputGradient,
  filterGradient,
  inputGradient,
} from "./convolution-gradients.js";
import { averagePoolGradient, maxPoolGradient } from "./pooling-gradients.js";
import { type Resize, resizeGradient } from "./resize-gradients.js";
import type { Tensorflow } from "./runtime.js";

/*
 * What TensorFlow.js 4.22 lacks, or does wrongly, where gradients are wanted. Found by testing every operator's gradient:
 *   on WebAssembly the kernels Conv2DBackpropFilter, DepthwiseConv2dNativeBackpropFilter and …BackpropInput are missing,
 *     and Conv2DBackpropInput is ten times slower than a convolution;
 *   on WebAssembly MaxPoolGrad drops the gradient of windows without a positive value; there and in plain JavaScript
 *     AvgPoolGrad divides by the window's size where the window reaches over the edge, and the forward pass does not;
 *   there ResizeBilinearGrad and ResizeNearestNeighborGrad do not know of pixel centres; in plain JavaScript the one takes
 *     height for width, and the other confuses channels;
 *   on every backend gradients of dilated convolutions are refused, and the gradient of batch normalisation repeats its
 *     statistics over the whole batch before it multiplies, which costs as much as a convolution.
 * Still missing on WebAssembly: UnsortedSegmentSum (gradients of `gather`) and complex numbers.
 */

type KernelConfig = Parameters<Tensorflow["registerKernel"]>[0];
type Attributes = NonNullable<Parameters<KernelConfig["kernelFunc"]>[0]["attrs"]>;
type GradientFunction = ReturnType<Tensorflow["getGradient"]>["gradFunc"];

const registered = new WeakSet<Tensorflow>();

/** Mends a TensorFlow.js, once. The native library's own kernels are right, and stay. */
export function registerGradients(tf: Tensorflow, backend: "tensorflow" | "wasm" | "cpu"): void {
  if (registered.has(tf)) return;
  registered.add(tf);
  if (backend === "wasm") registerWasmKernels(tf);
  if (backend !== "tensorflow") {
    registerPooling(tf);
    registerResize(tf, "ResizeBilinear", tf.image.resizeBilinear);
    registerResize(tf, "ResizeNearestNeighbor", tf.image.resizeNearestNeighbor);
  }
  registerDilated(tf, "Conv2D", false, inputGradient, filterGradient);
  registerDilated(tf, "DepthwiseConv2dNative", true, depthwiseInputGradient, depthwiseFilterGradient);
  registerBatchNorm(tf);
}

type InputGradient = typeof inputGradient;
type FilterGradient = typeof filterGradient;

function registerWasmKernels(tf: Tensorflow): void {
  const kernels: readonly [name: string, depthwise: boolean, gradient: InputGradient | FilterGradient][] = [
    ["Conv2DBackpropInput", false, inputGradient],
    ["Conv2DBackpropFilter", false, filterGradient],
    ["DepthwiseConv2dNativeBackpropInput", true, depthwiseInputGradient],
    ["DepthwiseConv2dNativeBackpropFilter", true, depthwiseFilterGradient],
  ];
  const known = new Set(tf.getKernelsForBackend("wasm").map(({ kernelName }) => kernelName));
  for (const [kernelName, depthwise, gradient] of kernels) {
    if (known.has(kernelName)) tf.unregisterKernel(kernelName, "wasm");
    tf.registerKernel({
      kernelName,
      backendName: "wasm",
      // The input's gradient gets dy and filter, the filter's gets x and dy; the missing shape is an attribute.
      kernelFunc({ inputs, attrs = {} }) {
        const { x, dy, filter } = inputs as unknown as Readonly<Record<"x" | "dy" | "filter", Tensor4D>>;
        const inputShape = (attrs.inputShape ?? x.shape) as Shape;
        const filterShape = (attrs.filterShape ?? filter.shape) as Shape;
        const convolution = convolutionOf(tf, inputShape, filterShape, attrs, depthwise);
        return x === undefined ? gradient(tf, dy, filter, convolution) : gradient(tf, x, dy, convolution);
      },
    });
  }
}

type Shape = [number, number, number, number];

function convolutionOf(
  tf: Tensorflow,
  input: Shape,
  filter: Shape,
  attributes: Attributes,
  depthwise: boolean,
): Convolution {
  const { strides, pad, dimRoundingMode } = attributes as {
    strides: number;
    pad: "same";
    dimRoundingMode?: "floor";
  };
  const dilations = (attributes.dilations ?? 1) as number;
  return tf.backend_util.computeConv2DInfo(input, filter, strides, dilations, pad, dimRoundingMode, depthwise);
}

/** Lets the gradient of a convolution pass where it is dilated; leaves the others to the backend's kernels. */
function registerDilated(
  tf: Tensorflow,
  kernelName: string,
  depthwise: boolean,
  ofInput: InputGradient,
  ofFilter: FilterGradient,
): void {
  const original = tf.getGradient(kernelName);
  const gradFunc: GradientFunction = (dy, saved, attributes) => {
    const dilations = attributes.dilations ?? 1;
    if ([dilations].flat().every((rate) => rate === 1)) return original.gradFunc(dy, saved, attributes);
    const [x, filter] = saved as [Tensor4D, Tensor4D];
    const convolution = convolutionOf(tf, x.shape, filter.shape, attributes, depthwise);
    return {
      x: () => ofInput(tf, dy as Tensor4D, filter, convolution),
      filter: () => ofFilter(tf, x, dy as Tensor4D, convolution),
    };
  };
  replaceGradient(tf, { ...original, gradFunc });
}

/**
 * With n = 1/√(variance + floor): dx = dy·n·scale, one product with one value a channel, and the statistics' gradients as
 * sums over all but the channels.
 */
function registerBatchNorm(tf: Tensorflow): void {
  const original = tf.getGradient("FusedBatchNorm");
  const gradFunc: GradientFunction = (gradient, saved, attributes) => {
    const dy = gradient as Tensor;
    const [x, mean, variance, scale] = saved as [Tensor, Tensor1D, Tensor1D, Tensor1D];
    if (mean.rank !== 1) return original.gradFunc(dy, saved, attributes);
    const inverse = () => tf.rsqrt(tf.add(variance, attributes.varianceEpsilon as number));
    const total = (values: Tensor) => tf.sum(tf.reshape(values, [-1, mean.size]), 0);
    const centred = () => total(tf.mul(dy, tf.sub(x, mean)));
    return {
      x: () => tf.mul(dy, tf.mul(inverse(), scale)),
      mean: () => tf.neg(tf.mul(total(dy), tf.mul(inverse(), scale))),
      variance: () => tf.mul(tf.mul(centred(), tf.mul(tf.pow(inverse(), 3), scale)), -0.5),
      scale: () => tf.mul(centred(), inverse()),
      offset: () => total(dy),
    };
  };
  replaceGradient(tf, { ...original, gradFunc });
}

/** Gradients of pooling from our own hands; `pad`, `strides` and `filterSize` are the attributes of both. */
function registerPooling(tf: Tensorflow): void {
  const windowOf = ({ shape }: Tensor4D, attributes: Attributes) => {
    const { filterSize, strides, pad, dimRoundingMode } = attributes as unknown as PoolingAttributes;
    return tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  };
  replaceGradient(tf, {
    ...tf.getGradient("MaxPool"),
    gradFunc: (dy, saved, attributes) => {
      const [x, y] = saved as [Tensor4D, Tensor4D];
      return { x: () => maxPoolGradient(tf, dy as Tensor4D, x, y, windowOf(x, attributes)) };
    },
  });
  replaceGradient(tf, {
    ...tf.getGradient("AvgPool"),
    gradFunc: (dy, saved, attributes) => {
      const [x] = saved as [Tensor4D];
      return { x: () => averagePoolGradient(tf, dy as Tensor4D, windowOf(x, attributes)) };
    },
  });
}

interface PoolingAttributes {
  readonly filterSize: number;
  readonly strides: number;
  readonly pad: "same";
  readonly dimRoundingMode?: "floor";
}

function registerResize(tf: Tensorflow, kernelName: string, resize: Tensorflow["image"]["resizeBilinear"]): void {
  replaceGradient(tf, {
    ...tf.getGradient(kernelName),
    gradFunc: (dy, saved, attributes) => {
      const { alignCorners, halfPixelCenters } = attributes as { alignCorners?: boolean; halfPixelCenters?: boolean };
      const again: Resize = (images, size) => resize(images, size, alignCorners, halfPixelCenters);
      return { images: () => resizeGradient(tf, dy as Tensor4D, saved[0] as Tensor4D, again) };
    },
  });
}

function replaceGradient(tf: Tensorflow, config: ReturnType<Tensorflow["getGradient"]>): void {
  tf.unregisterGradient(config.kernelName);
  tf.registerGradient(config);
}
