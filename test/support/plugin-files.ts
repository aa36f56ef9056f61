import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GraphBuilder } from "../../src/training/graph.js";

/*
 * Files for plug-ins that do nothing without one (`meta.files`): what the contract tests give them. A plug-in whose files
 * are optional needs no entry; the tests then leave them out, as a protocol may.
 */
const MAKERS: Readonly<Record<string, Readonly<Record<string, (path: string) => void>>>> = {
  "onnx-denoiser": { path: (path) => writeFileSync(path, averagingModel()) },
};

/** Absolute paths by parameter, of files that the plug-in can work with. They are written anew on each call. */
export function filesFor(id: string): Readonly<Record<string, string>> {
  const makers = Object.entries(MAKERS[id] ?? {});
  if (makers.length === 0) return {};
  const folder = mkdtempSync(join(tmpdir(), "stepwedge-files-"));
  return Object.fromEntries(
    makers.map(([parameter, make]) => {
      const path = join(folder, parameter);
      make(path);
      return [parameter, path];
    }),
  );
}

/** Every pixel becomes the mean of the 3 × 3 round it that lie in the image; any batch, channels and size. */
export function averagingModel(
  shape: readonly (number | string)[] = ["batch", "channels", "height", "width"],
): Uint8Array {
  const graph = new GraphBuilder();
  const image = graph.input("image", shape);
  graph.output("mean", graph.node("AveragePool", [image], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }), shape);
  return graph.encode("average");
}
