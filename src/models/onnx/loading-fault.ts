import { StepwedgeError } from "../../core/errors.js";

/** What onnxruntime says where a file cannot be loaded, and what that means for the user. */
const KNOWN: readonly { readonly pattern: RegExp; remedy(match: RegExpMatchArray): string }[] = [
  {
    pattern: /Opset (\d+) is under development.*? is till opset (\d+)/s,
    remedy: ([, own, most]) =>
      `The file needs operator set ${own}, this onnxruntime knows ${most}: export it again with opset_version ≤ ${most}, or update onnxruntime-node.`,
  },
  {
    pattern: /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    remedy: ([, own, most]) =>
      `The file is of format ${own}, this onnxruntime knows ${most}: save it again with an older onnx package (ir_version ${most}).`,
  },
  {
    pattern: /No opset import for domain '?([\w.]+)/,
    remedy: ([, domain]) =>
      `The model uses operators of the domain ${domain} without saying which version: export it again.`,
  },
  {
    pattern:
      /No Op registered for (\w+) with domain_version of \d+|([\w.]+:\w+)\(-?\d+\) is not a registered function\/op/,
    remedy: ([, standard, own]) =>
      `The operator ${standard ?? own} is a custom one, which onnxruntime does not have: export the model with standard operators, or serve it where its library is and use the adapters open-inference or command.`,
  },
  {
    pattern: /Could not find an implementation for (\w+)\((\d+)\)/,
    remedy: ([, operator]) =>
      `Onnxruntime knows the operator ${operator}, but not for the number types that the model has here: export it in float32.`,
  },
  {
    pattern: /(?:external data|External data|external initializer|GetFileLength|file_size|filesystem error|model_path)/,
    remedy: () =>
      "The model keeps its weights in files beside it: put them into the folder of the .onnx file, under the names that they had at the export.",
  },
  {
    pattern: /(?:Protobuf parsing failed|INVALID_PROTOBUF)/,
    remedy: () => "The file is no ONNX model, or is cut short: copy or export it again.",
  },
  {
    pattern: /(?:ExecutionProvider|execution provider|backend not found|shared library|libcuda|cudnn|cublas)/i,
    remedy: () =>
      "Leave model.providers out to run on the CPU, or install an onnxruntime-node with that provider; `stepwedge doctor` lists those there are.",
  },
];

/** The error for a file that none of the providers could load. */
export function loadingFault(cause: unknown, path: string, providers: readonly string[]): StepwedgeError {
  const words = cause instanceof Error ? cause.message : String(cause);
  const on = providers.join(", ") === "cpu" ? "" : ` on ${providers.join(" or ")}`;
  for (const { pattern, remedy } of KNOWN) {
    const match = words.match(pattern);
    if (match !== null) {
      return new StepwedgeError(`cannot be loaded as an ONNX model${on}: ${words}`, {
        where: path,
        remedy: remedy(match),
        cause,
      });
    }
  }
  return new StepwedgeError(`cannot be loaded as an ONNX model${on}: ${words}`, {
    where: path,
    remedy: "Check that the file is a complete .onnx export whose operators onnxruntime knows.",
    cause,
  });
}
