import fc from "fast-check";
import { ExitCode, StepwedgeError } from "../../src/core/errors.js";
import { requestedWait } from "../../src/models/open-inference/client.js";
import { decodeResponse, encodeRequest } from "../../src/models/open-inference/messages.js";
import { type Datatype, tensorWriter } from "../../src/models/shared/datatypes.js";

function refusal(work: () => unknown): StepwedgeError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(StepwedgeError);
    return error as StepwedgeError;
  }
  throw new Error("nothing was refused");
}

describe("the published example of the binary tensor data extension", () => {
  // triton-inference-server/server, docs/protocol/extension_binary_data.md. The values of the tensors are ours: those of
  // the same request in JSON (kserve/open-inference-protocol), whose BOOL tensor of shape [3] has one value only.
  test("request: two tensors follow the JSON in their order, 19 bytes", () => {
    const { headers, body } = encodeRequest({
      id: "42",
      binary: true,
      inputs: [
        {
          name: "input0",
          shape: [2, 2],
          datatype: "UINT32",
          data: Uint8Array.from([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]),
        },
        { name: "input1", shape: [3], datatype: "BOOL", data: Uint8Array.from([1, 0, 1]) },
      ],
      output: "output0",
    });
    const [json, ...tensors] = body;
    expect(headers).toEqual({
      "Content-Type": "application/octet-stream",
      "Inference-Header-Content-Length": String(json?.byteLength),
    });
    expect(JSON.parse(Buffer.from(json ?? []).toString())).toEqual({
      id: "42",
      inputs: [
        { name: "input0", shape: [2, 2], datatype: "UINT32", parameters: { binary_data_size: 16 } },
        { name: "input1", shape: [3], datatype: "BOOL", parameters: { binary_data_size: 3 } },
      ],
      outputs: [{ name: "output0", parameters: { binary_data: true } }],
    });
    expect(Buffer.concat(tensors).toString("hex")).toBe("01000000020000000300000004000000010001");
  });

  // Published without model_name and id.
  const published = `{
  "outputs" : [
    {
      "name" : "output0",
      "shape" : [ 3, 2 ],
      "datatype"  : "FP32",
      "parameters" : {
        "binary_data_size" : 24
      }
    }
  ]
}`;
  const tensor = Buffer.from("0000803fcdcc8c3f0000004066660640000040406666464" + "0", "hex");

  test("response: a [3, 2] tensor of FP32 in 24 bytes", () => {
    const body = Buffer.concat([Buffer.from(published), tensor]);
    const expected = { id: "42", name: "output0", datatype: "FP32", count: 3 };
    const { shape, values, version } = decodeResponse(body, String(published.length), expected, "here");
    expect(shape).toEqual([3, 2]);
    expect([...values]).toEqual([1, 1.1, 2, 2.1, 3, 3.1].map(Math.fround));
    expect(version).toBeNull();
  });

  test("a byte too few or too many is no answer", () => {
    const expected = { id: "42", name: "output0", datatype: "FP32", count: 3 };
    for (const change of [-1, 1, 24]) {
      const bytes = change < 0 ? tensor.subarray(0, change) : Buffer.concat([tensor, Buffer.alloc(change)]);
      const body = Buffer.concat([Buffer.from(published), bytes]);
      const { exitCode, message } = refusal(() => decodeResponse(body, String(published.length), expected, "here"));
      expect(message).toBe(`announces 24 bytes of tensors; ${24 + change} follow`);
      expect(exitCode).toBe(ExitCode.incomplete);
    }
    const body = Buffer.concat([Buffer.from(published), tensor]);
    expect(refusal(() => decodeResponse(body, "999", expected, "here")).message).toContain("Content-Length");
  });
});

describe("the published example in JSON", () => {
  const expected = { id: "42", name: "output0", datatype: null, count: 3 };
  const asPublished = `{ "id" : "42"
  "outputs" : [ { "name" : "output0", "shape" : [ 3, 2 ], "datatype"  : "FP32", "data" : [ 1.0, 1.1, 2.0, 2.1, 3.0, 3.1 ] } ] }`;
  const mended = asPublished.replace('"42"', '"42",');

  test("is read once its missing comma is there, and to the same numbers as from bytes", () => {
    expect(refusal(() => decodeResponse(Buffer.from(asPublished), undefined, expected, "here")).message).toContain(
      "not a JSON object",
    );
    const { values } = decodeResponse(Buffer.from(mended), undefined, expected, "here");
    expect([...values]).toEqual([1, 1.1, 2, 2.1, 3, 3.1].map(Math.fround));
  });

  test("may be nested by dimension", () => {
    const nested = mended.replace("[ 1.0, 1.1, 2.0, 2.1, 3.0, 3.1 ]", "[[1.0, 1.1], [2.0, 2.1], [3.0, 3.1]]");
    const { values } = decodeResponse(Buffer.from(nested), undefined, expected, "here");
    expect([...values]).toEqual([1, 1.1, 2, 2.1, 3, 3.1].map(Math.fround));
  });

  test("is refused in parts that do not fit", () => {
    const change = (from: string, to: string, more = {}) =>
      refusal(() => decodeResponse(Buffer.from(mended.replace(from, to)), undefined, { ...expected, ...more }, "here"));
    expect(change('"42"', '"43"').message).toBe('answered request "43" where "42" was asked');
    expect(change("[ 3, 2 ]", "[ 2, 3 ]").message).toBe("gave shape [2,3] for 3 images");
    expect(change("[ 3, 2 ]", "[ 3, 3 ]").message).toBe("gave 6 numbers; its shape has 9");
    expect(change("[ 3, 2 ]", '[ "3", 2 ]').message).toContain("gave shape");
    expect(change("3.1", "null").message).toBe("gave null among its numbers");
    expect(change("3.1", "NaN").message).toBe("answered with NaN among its numbers");
    expect(change("FP32", "BYTES").message).toBe('gave "BYTES"; scores are FP16, FP32, FP64');
    expect(change("", "", { datatype: "FP64" }).message).toBe('gave "FP32"; the model\'s metadata say FP64');
    expect(change("output0", "other")).toMatchObject({
      message: 'answered without output "output0"',
      remedy: 'It gave "other". Correct model.output.name.',
    });
  });
});

test("an output is found behind others' bytes", () => {
  const json = JSON.stringify({
    outputs: [
      { name: "a", shape: [1, 3], datatype: "UINT8", parameters: { binary_data_size: 3 } },
      { name: "b", shape: [1, 1], datatype: "FP64", parameters: { binary_data_size: 8 } },
      { name: "c", shape: [1, 1], datatype: "FP32", data: [0.1] },
    ],
  });
  const bytes = Buffer.alloc(11, 7);
  bytes.writeDoubleLE(0.25, 3);
  const body = Buffer.concat([Buffer.from(json), bytes]);
  const read = (name: string) =>
    decodeResponse(body, String(json.length), { id: "1", name, datatype: null, count: 1 }, "here").values[0];
  expect(read("b")).toBe(0.25);
  expect(read("c")).toBe(Math.fround(0.1));
});

test("any bytes are an answer or a plain refusal", () => {
  const expected = { id: "1", name: null, datatype: null, count: 1 };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.option(fc.string()), (bytes, length) => {
      refusal(() => decodeResponse(Buffer.from(bytes), length ?? undefined, expected, "here"));
    }),
  );
  const value = fc.oneof(fc.json(), fc.constant("[]"), fc.constant("[1]"));
  fc.assert(
    fc.property(value, value, value, (shape, data, parameters) => {
      const json = `{"outputs":[{"name":"x","datatype":"FP32","shape":${shape},"data":${data},"parameters":${parameters}}]}`;
      try {
        decodeResponse(Buffer.from(json), undefined, expected, "here");
      } catch (error) {
        expect(error).toBeInstanceOf(StepwedgeError);
      }
    }),
  );
});

describe("tensors of images", () => {
  const layout = { layout: "NCHW", channels: 1, height: 1, width: 4 } as const;
  const identity = { mean: [0], std: [1] };
  const batch = { data: Float32Array.of(0, 1, 128, 255), count: 1, channels: 1, height: 1, width: 4, maxValue: 255 };
  const hex = (datatype: Datatype, range: [number, number]) =>
    tensorWriter(datatype, layout, { range, ...identity })
      .bytes(batch)
      .toString("hex");

  test("are little-endian in every type", () => {
    expect(hex("UINT8", [0, 255])).toBe("000180ff");
    expect(hex("INT8", [-128, 127])).toBe("8081007f");
    expect(hex("UINT16", [0, 510])).toBe("000002000001fe01");
    expect(hex("INT16", [-255, 0])).toBe("01ff02ff81ff0000");
    expect(hex("UINT32", [0, 255])).toBe("000000000100000080000000ff000000");
    expect(hex("INT32", [-255, 0])).toBe("01ffffff02ffffff81ffffff00000000");
    expect(hex("INT64", [-255, 0])).toBe("01ffffffffffffff02ffffffffffffff81ffffffffffffff0000000000000000");
    expect(hex("FP16", [0, 255])).toBe("0000003c0058f85b");
    expect(hex("FP32", [0, 255])).toBe("000000000000803f0000004300007f43");
    expect(hex("FP64", [0, 255])).toBe("0000000000000000000000000000f03f00000000000060400000000000e06f40");
  });

  test("whole-number types take nothing that would be rounded", () => {
    expect(refusal(() => hex("UINT8", [0, 1])).message).toContain("UINT8 cannot hold 0.0039");
    expect(refusal(() => hex("UINT8", [0, 510])).message).toContain("UINT8 cannot hold 256");
    expect(refusal(() => hex("INT8", [0, 255])).message).toContain("INT8 cannot hold 128");
    const deep = { ...batch, maxValue: 4095 };
    const writer = tensorWriter("UINT8", layout, { range: [0, 255], ...identity });
    expect(refusal(() => writer.bytes(deep)).remedy).toContain("data.bits");
  });

  test("FP32 as text is FP32 as bytes, whatever mean and std", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.double({ min: 0.01, max: 300, noNaN: true }),
        (mean, std) => {
          const all = { ...batch, data: Float32Array.from({ length: 256 }, (_, i) => i), width: 256 };
          const writer = tensorWriter("FP32", { ...layout, width: 256 }, { range: [0, 1], mean: [mean], std: [std] });
          const bytes = writer.bytes(all);
          const text = JSON.parse(`[${writer.json(all)}]`) as number[];
          expect(text.map((value) => Math.fround(value) + 0)).toEqual(
            text.map((_, index) => bytes.readFloatLE(4 * index) + 0),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  test("colours go where the layout wants them", () => {
    const colours = {
      data: Float32Array.of(1, 2, 3, 4, 5, 6),
      count: 1,
      channels: 3,
      height: 1,
      width: 2,
      maxValue: 255,
    };
    const options = { range: [0, 255] as const, mean: [0, 0, 1], std: [1] };
    const json = (layout: "NCHW" | "NHWC") =>
      tensorWriter("UINT8", { layout, channels: 3, height: 1, width: 2 }, { ...options, mean: [0] }).json(colours);
    expect(json("NCHW")).toBe("1,2,3,4,5,6");
    expect(json("NHWC")).toBe("1,3,5,2,4,6");
    const shifted = tensorWriter("FP32", { layout: "NHWC", channels: 3, height: 1, width: 2 }, options).json(colours);
    expect(shifted).toBe("1,3,4,2,4,5");
  });
});

test("Retry-After is seconds or a date, and bounded", () => {
  expect(requestedWait(undefined, undefined)).toBe(0);
  expect(requestedWait("3", undefined)).toBe(3000);
  expect(requestedWait("86400", undefined)).toBe(60_000);
  expect(requestedWait("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:50 GMT")).toBe(9000);
  expect(requestedWait("Fri, 31 Dec 1999 23:59:59 GMT", undefined)).toBe(0);
  expect(requestedWait("soon", undefined)).toBe(0);
});
