import type { DecodedImage, SourceTable } from "../../src/core/data.js";
import type { ModelInput } from "../../src/core/model.js";
import { decodeImage } from "../../src/image/decode.js";
import { openReferences } from "../../src/run/reference-standard.js";
import segmentation from "../../src/tasks/segmentation.js";
import { buildNifti } from "../support/nifti.js";

const stored = { window: { kind: "stored" }, bits: null } as const;
const bytes = (shape: readonly number[]) =>
  buildNifti({
    shape,
    datatype: "uint8",
    values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 1),
    // x of 0.7 mm, y of 0.8, z of 5, stored left to right, posterior to anterior, inferior to superior.
    sform: [0.7, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 5, 0],
  });

test("a NIfTI volume says how large its voxels are, in the order of the axes that it is cut along", async () => {
  const spacing = async (options: object) =>
    (await decodeImage(bytes([4, 5, 6]), "x", { ...stored, frames: { take: "all" }, axis: "stored", ...options }))
      .spacing;
  const near = (...values: number[]) => values.map((value) => expect.closeTo(value, 5));
  expect(await spacing({})).toEqual(near(5, 0.8, 0.7));
  expect(await spacing({ axis: "coronal" })).toEqual(near(0.8, 5, 0.7));
  expect(await spacing({ axis: "sagittal" })).toEqual(near(0.7, 5, 0.8));
  expect(await spacing({ axis: "axial", frames: { take: "middle" } })).toEqual(near(0.8, 0.7));
});

function references(image: DecodedImage, input: Partial<ModelInput>, spacing?: "header" | readonly string[]) {
  const source = {
    count: 1,
    columns: new Map([["mask", ["m.png"]]]),
    numbers: new Map([
      ["row", { values: Float64Array.of(3), texts: new Map() }],
      ["column", { values: Float64Array.of(2), texts: new Map() }],
    ]),
    rowName: () => "row 1",
    files: {},
    loadImage: null,
    loadFile: async () => ({ image, sha256: "" }),
  } satisfies SourceTable;
  const entry = { column: "mask", ...(spacing === undefined ? {} : { spacing }) };
  return openReferences({
    source,
    task: segmentation,
    classes: ["a"],
    entries: { a: entry },
    queries: new Map(),
    input: { channels: 1, height: 4, width: 4, resize: "bilinear", ...input } as ModelInput,
  }).of(0);
}
const wide: DecodedImage = { data: new Uint8Array(8 * 4).fill(1), channels: 1, height: 4, width: 8, maxValue: 1 };

test("a border that is white in the image is outside of every structure", async () => {
  const [mask] = await references(wide, { fit: { kind: "letterbox", padding: 1 } });
  if (mask?.kind !== "mask") throw new Error("no mask");
  expect([...mask.data]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
});

test("pixels of a mask that is made smaller are so much larger", async () => {
  const spacing = async (fit: object) => {
    const [mask] = await references(wide, fit, ["row", "column"]);
    return mask?.kind === "mask" ? mask.spacing : null;
  };
  expect(await spacing({})).toEqual([3, 4]);
  expect(await spacing({ fit: { kind: "letterbox", padding: 0 } })).toEqual([6, 4]);
  await expect(references(wide, {}, "header")).rejects.toThrow(/says nothing of the size of its pixels/);
  await expect(references(wide, {}, ["row", "nothing"])).rejects.toThrow(/3, NaN/);
});
