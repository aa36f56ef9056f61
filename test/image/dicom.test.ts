import dcmjsCodecs from "dcmjs-codecs";
import { AS_STORED, type DecodedImage, type FrameChoice, type PixelOptions, type Window } from "../../src/core/data.js";
import { StepwedgeError } from "../../src/core/errors.js";
import { randomFrom } from "../../src/core/random.js";
import { decodeImage } from "../../src/image/decode.js";
import { changes, type DicomElement, dicomFile, encapsulated, imageElements, SYNTAX, words } from "../support/dicom.js";

const PIXELS = (vr: string, value: Buffer): DicomElement => ["7fe0,0010", vr, value];

function options(window: Window = { kind: "stored" }, frames: FrameChoice = { take: "only" }): PixelOptions {
  return { ...AS_STORED, window, frames };
}

/** The values that became the given stored values of 16 bits: 0 … 65535 over a range of 65535. */
async function trueValues(file: Buffer, lower: number, frames?: FrameChoice): Promise<number[]> {
  const image = await decodeImage(file, "x", {
    ...options({ kind: "range", lower, upper: lower + 65535 }, frames),
    bits: 16,
  });
  return Array.from(image.data, (value) => value + lower);
}

async function refusal(file: Buffer, given: PixelOptions = options()): Promise<string> {
  const error = await decodeImage(file, "scan.dcm", given).then(
    () => "nothing was refused",
    (reason: unknown) => reason,
  );
  if (!(error instanceof StepwedgeError)) throw new Error(`expected a refusal, received ${String(error)}`);
  expect(error.remedy).toBeDefined();
  return error.format();
}

const bits = (allocated: number, stored = allocated, high = stored - 1, signed = 0): Record<string, DicomElement> =>
  changes(
    ["0028,0100", "US", allocated],
    ["0028,0101", "US", stored],
    ["0028,0102", "US", high],
    ["0028,0103", "US", signed],
  );

const colour = (photometric: string, planar = 0): Record<string, DicomElement> =>
  changes(
    ["0028,0002", "US", 3],
    ["0028,0004", "CS", photometric],
    ["0028,0006", "US", planar],
    ["0028,0100", "US", 8],
    ["0028,0101", "US", 8],
    ["0028,0102", "US", 7],
  );

const RAMP = [0, 1, 255, 256, 4095, 65535];

describe("how a data set is written", () => {
  const elements = [...imageElements(2, 3), PIXELS("OW", words(RAMP))];
  const swapped = [...imageElements(2, 3), PIXELS("OW", words(RAMP, true))];
  test.each([
    ["explicit little endian", dicomFile(elements)],
    ["implicit little endian", dicomFile(elements, SYNTAX.implicit)],
    ["explicit big endian", dicomFile(swapped, SYNTAX.bigEndian)],
    ["deflated", dicomFile(elements, SYNTAX.deflated)],
    ["without preamble", dicomFile(elements, SYNTAX.explicit, { preamble: false })],
    [
      "without preamble and meta header, explicit",
      dicomFile(elements, SYNTAX.explicit, { preamble: false, meta: false }),
    ],
    [
      "without preamble and meta header, implicit",
      dicomFile(elements, SYNTAX.implicit, { preamble: false, meta: false }),
    ],
    [
      "without preamble and meta header, big endian",
      dicomFile(swapped, SYNTAX.bigEndian, { preamble: false, meta: false }),
    ],
  ])("%s", async (_, file) => {
    const image = await decodeImage(file, "x");
    expect(image).toMatchObject({ channels: 1, height: 2, width: 3, maxValue: 65535 });
    expect([...image.data]).toEqual(RAMP);
  });

  test("an implicit data set under an explicit transfer syntax", async () => {
    const implicit = dicomFile(elements, SYNTAX.implicit, { preamble: false, meta: false });
    const meta = dicomFile([], SYNTAX.explicit);
    expect([...(await decodeImage(Buffer.concat([meta, implicit]), "x")).data]).toEqual(RAMP);
  });

  test("a deflated data set that unfolds to gigabytes is refused", async () => {
    const meta = dicomFile([], SYNTAX.deflated).subarray(0, -2);
    const { deflateRawSync } = await import("node:zlib");
    const bomb = deflateRawSync(Buffer.alloc(2 ** 24));
    // The same 16 MiB block over and over would be too slow to make here; a cut-off stream must do as well.
    expect(await refusal(Buffer.concat([meta, bomb.subarray(0, bomb.length / 2)]))).toMatch(/cannot be inflated/);
  });
});

describe("bits", () => {
  test("bits outside of the stored ones are taken off, wherever the high bit is", async () => {
    const low = dicomFile([...imageElements(1, 3, bits(16, 12, 11)), PIXELS("OW", words([0xf123, 0x0fff, 0x1000]))]);
    expect(await decodeImage(low, "x")).toMatchObject({ maxValue: 4095, data: Uint16Array.of(0x123, 0xfff, 0) });
    const high = dicomFile([...imageElements(1, 3, bits(16, 12, 15)), PIXELS("OW", words([0x123f, 0xffff, 0x000f]))]);
    expect((await decodeImage(high, "x")).data).toEqual(Uint16Array.of(0x123, 0xfff, 0));
  });

  test("the sign is extended from the high bit", async () => {
    const file = dicomFile([
      ...imageElements(1, 4, bits(16, 12, 11, 1)),
      PIXELS("OW", words([0x0fff, 0xffff, 0x07ff, 0x0800])),
    ]);
    expect(await trueValues(file, -32768)).toEqual([-1, -1, 2047, -2048]);
    expect(await refusal(file)).toMatch(/holds the value -1/);
  });

  test.each([8, 16, 32])("signed values of %d bits", async (allocated) => {
    const bytes = Buffer.alloc((4 * allocated) / 8);
    const values = [-128, -1, 0, 127];
    values.forEach((value, index) => {
      bytes.writeIntLE(value, (index * allocated) / 8, allocated / 8);
    });
    const file = dicomFile([...imageElements(2, 2, bits(allocated, allocated, allocated - 1, 1)), PIXELS("OW", bytes)]);
    expect(await trueValues(file, -1000)).toEqual(values);
  });

  test("single bits, frame after frame without gaps", async () => {
    const file = dicomFile([
      ...imageElements(1, 5, { ...bits(1), ...changes(["0028,0008", "IS", "2"]) }),
      PIXELS("OB", Buffer.from([0b10110101, 0b00000010])),
    ]);
    const frame = async (index: number) => [
      ...(await decodeImage(file, "x", options({ kind: "stored" }, { take: "index", index }))).data,
    ];
    expect(await frame(0)).toEqual([255, 0, 255, 0, 255]);
    expect(await frame(1)).toEqual([255, 0, 255, 0, 255]);
  });

  test("float and double float pixel data", async () => {
    const values = [-1.5, 0, 2.25, 1000];
    const image = (allocated: number, element: DicomElement) =>
      dicomFile([...imageElements(2, 2, changes(["0028,0100", "US", allocated])), element]);
    const float = image(32, ["7fe0,0008", "OF", Buffer.from(Float32Array.from(values).buffer)]);
    const double = image(64, ["7fe0,0009", "OD", Buffer.from(Float64Array.from(values).buffer)]);
    for (const file of [float, double]) {
      const { data } = await decodeImage(file, "x", {
        ...options({ kind: "range", lower: -1.5, upper: 1000 }),
        bits: 16,
      });
      expect([...data]).toEqual([0, Math.round((65535 * 1.5) / 1001.5), Math.round((65535 * 3.75) / 1001.5), 65535]);
    }
  });
});

describe("colour", () => {
  const pixels = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120];
  const planes = [0, 1, 2].flatMap((channel) => pixels.filter((_, index) => index % 3 === channel));

  test("by pixel and by plane", async () => {
    const byPixel = dicomFile([...imageElements(2, 2, colour("RGB")), PIXELS("OB", Buffer.from(pixels))]);
    const byPlane = dicomFile([...imageElements(2, 2, colour("RGB", 1)), PIXELS("OB", Buffer.from(planes))]);
    for (const file of [byPixel, byPlane]) {
      const image = await decodeImage(file, "x");
      expect(image).toMatchObject({ channels: 3, maxValue: 255 });
      expect([...image.data]).toEqual(planes);
      // A window is for gray values: colour stays.
      expect((await decodeImage(file, "x", options({ kind: "file" }))).data).toEqual(Uint8Array.from(planes));
    }
  });

  // R = Y + 1.402 (Cr − 128), G = Y − 0.344 (Cb − 128) − 0.714 (Cr − 128), B = Y + 1.772 (Cb − 128).
  test("YBR_FULL: pure red, green, blue, gray", async () => {
    const ybr = [76, 85, 255, 150, 44, 21, 29, 255, 107, 128, 128, 128];
    const file = dicomFile([...imageElements(2, 2, colour("YBR_FULL")), PIXELS("OB", Buffer.from(ybr))]);
    const { data } = await decodeImage(file, "x");
    const expected = [254, 0, 0, 128, 0, 255, 0, 128, 0, 1, 254, 128];
    for (const [index, value] of expected.entries())
      expect(Math.abs((data[index] as number) - value)).toBeLessThanOrEqual(1);
  });

  test("YBR_FULL_422 and YBR_PARTIAL_422 have half as many chroma values", async () => {
    const full = dicomFile([
      ...imageElements(1, 4, colour("YBR_FULL_422")),
      PIXELS("OB", Buffer.from([10, 20, 128, 128, 30, 40, 128, 128])),
    ]);
    expect([...(await decodeImage(full, "x")).data.slice(0, 4)]).toEqual([10, 20, 30, 40]);
    const partial = dicomFile([
      ...imageElements(1, 2, colour("YBR_PARTIAL_422")),
      PIXELS("OB", Buffer.from([16, 235, 128, 128])),
    ]);
    expect([...(await decodeImage(partial, "x")).data]).toEqual([0, 255, 0, 255, 0, 255]);
  });

  const palette = (descriptor: readonly number[], data: (channel: number) => Buffer, extra: DicomElement[] = []) => [
    ...imageElements(1, 4, { ...bits(8), ...changes(["0028,0004", "CS", "PALETTE COLOR"], ...extra) }),
    ...[1, 2, 3].flatMap((channel): DicomElement[] => [
      [`0028,110${channel}`, "US", descriptor],
      [`0028,120${channel}`, "OW", data(channel)],
    ]),
  ];

  test("palettes of 8 and 16 bits; indices beyond the ends take the ends' colours", async () => {
    const eight = palette([2, 10, 8], (channel) => Buffer.from([channel, 100 + channel]));
    const file = dicomFile([...eight, PIXELS("OB", Buffer.from([0, 10, 11, 255]))]);
    expect(await decodeImage(file, "x")).toMatchObject({
      channels: 3,
      maxValue: 255,
      data: Uint8Array.from([1, 1, 101, 101, 2, 2, 102, 102, 3, 3, 103, 103]),
    });
    const sixteen = palette([2, 0, 16], (channel) => words([channel, 65535]));
    const deep = await decodeImage(dicomFile([...sixteen, PIXELS("OB", Buffer.from([0, 1, 1, 0]))]), "x");
    expect(deep).toMatchObject({
      maxValue: 65535,
      data: Uint16Array.from([1, 65535, 65535, 1, 2, 65535, 65535, 2, 3, 65535, 65535, 3]),
    });
  });

  test("signed indices have signed descriptors", async () => {
    const elements = palette([3, 0xffff, 8], (channel) => Buffer.from([channel, 10 + channel, 20 + channel, 0]), [
      ["0028,0103", "US", 1],
    ]);
    const file = dicomFile([...elements, PIXELS("OB", Buffer.from([0x80, 0xff, 0, 1]))]);
    expect([...(await decodeImage(file, "x")).data.slice(0, 4)]).toEqual([1, 1, 11, 21]);
  });

  test("what has no known reading is refused", async () => {
    const of = (photometric: string) =>
      dicomFile([...imageElements(2, 2, colour(photometric)), PIXELS("OB", Buffer.from(pixels))]);
    expect(await refusal(of("HSV"))).toMatch(/"HSV" has no known reading/);
    expect(await refusal(of("YBR_PARTIAL_420"))).toMatch(/no known reading/);
    expect(await refusal(of("MONOCHROME2"))).toMatch(/3 samples per pixel/);
    const cut = dicomFile([...imageElements(2, 2, colour("RGB")), PIXELS("OB", Buffer.from(pixels.slice(0, 10)))]);
    expect(await refusal(cut)).toMatch(/10 of 12 bytes/);
  });
});

describe("true values and windows", () => {
  const gray = (...more: DicomElement[]) => [
    ...imageElements(1, 4, changes(...more)),
    PIXELS("OW", words([0, 100, 1000, 4000])),
  ];
  const rescale: DicomElement[] = [
    ["0028,1052", "DS", "-1024"],
    ["0028,1053", "DS", "2"],
  ];

  test("rescaled", async () => {
    expect(await trueValues(dicomFile(gray(...rescale)), -2000)).toEqual([-1024, -824, 976, 6976]);
    expect([...(await decodeImage(dicomFile(gray(...rescale)), "x")).data]).toEqual([0, 100, 1000, 4000]);
  });

  test("the file's first window, in each of the three shapes (PS3.3 C.11.2.1)", async () => {
    const file = (shape: string | null, width: string) =>
      dicomFile(
        gray(
          ...rescale,
          ["0028,1050", "DS", "0\\500"],
          ["0028,1051", "DS", `${width}\\9`],
          ...(shape === null ? [] : [["0028,1056", "CS", shape] as const]),
        ),
      );
    const decode = async (shape: string | null) => [
      ...(await decodeImage(file(shape, "2000"), "x", { ...options({ kind: "file" }), bits: 8 })).data,
    ];
    const linear = (value: number) => Math.floor(((value + 0.5) / 1999 + 0.5) * 255 + 0.5);
    expect(await decode(null)).toEqual([0, linear(-824), linear(976), 255]);
    expect(await decode("LINEAR")).toEqual(await decode(null));
    expect(await decode("LINEAR_EXACT")).toEqual([
      0,
      Math.round((176 / 2000) * 255),
      Math.round((1976 / 2000) * 255),
      255,
    ]);
    const sigmoid = (value: number) => Math.round(255 / (1 + Math.exp((-4 * value) / 2000)));
    expect(await decode("SIGMOID")).toEqual([-1024, -824, 976, 6976].map(sigmoid));
    expect(await refusal(file("CUBIC", "2000"), options({ kind: "file" }))).toMatch(/VOI LUT Function is "CUBIC"/);
    expect(await refusal(file(null, "0"), options({ kind: "file" }))).toMatch(/Window Width is 0/);
    expect(await refusal(dicomFile(gray()), options({ kind: "file" }))).toMatch(/names no window/);
  });

  test("MONOCHROME1 is turned round", async () => {
    const file = dicomFile([
      ...imageElements(1, 2, { ...bits(16, 12), ...changes(["0028,0004", "CS", "MONOCHROME1"]) }),
      PIXELS("OW", words([0, 4000])),
    ]);
    expect([...(await decodeImage(file, "x")).data]).toEqual([4095, 95]);
    expect([...(await decodeImage(file, "x", options({ kind: "full" }))).data]).toEqual([65535, 0]);
  });

  const lut = (first: number, entries: readonly number[], deep: number): readonly DicomElement[][] => [
    [
      ["0028,3002", "US", [entries.length, first & 0xffff, deep]],
      ["0028,3006", "OW", words(entries)],
    ],
  ];

  test("a modality table takes the place of slope and intercept", async () => {
    const file = dicomFile(gray(["0028,3000", "SQ", lut(99, [7, 500, 900], 16)]));
    expect(await trueValues(file, 0)).toEqual([7, 500, 900, 900]);
    expect([...(await decodeImage(file, "x")).data]).toEqual([0, 100, 1000, 4000]);
  });

  test("a VOI table is the file's window where it names no other", async () => {
    const table: DicomElement = ["0028,3010", "SQ", lut(99, [0, 51, 255], 8)];
    const [window, width]: DicomElement[] = [
      ["0028,1050", "DS", "100"],
      ["0028,1051", "DS", "1"],
    ] as const as DicomElement[];
    expect([...(await decodeImage(dicomFile(gray(table)), "x", options({ kind: "file" }))).data]).toEqual([
      0, 51, 255, 255,
    ]);
    const both = dicomFile(gray(table, window as DicomElement, width as DicomElement));
    expect([...(await decodeImage(both, "x", options({ kind: "file" }))).data]).toEqual([0, 65535, 65535, 65535]);
  });

  const groups = (slope: string, window: readonly [string, string]): DicomElement[] => [
    [
      "0028,9145",
      "SQ",
      [
        [
          ["0028,1052", "DS", "0"],
          ["0028,1053", "DS", slope],
        ],
      ],
    ],
    [
      "0028,9132",
      "SQ",
      [
        [
          ["0028,1050", "DS", window[0]],
          ["0028,1051", "DS", window[1]],
        ],
      ],
    ],
  ];
  const multi = (perFrame: readonly DicomElement[][], shared: readonly DicomElement[][]) =>
    dicomFile([
      ...imageElements(1, 2, changes(["0028,0008", "IS", String(perFrame.length)])),
      ["5200,9229", "SQ", shared],
      ["5200,9230", "SQ", perFrame],
      PIXELS("OW", words(perFrame.flatMap(() => [0, 100]))),
    ]);

  test("functional groups: a frame's own come before the shared ones", async () => {
    const file = multi(
      [groups("2", ["0", "100"]), [], groups("3", ["0", "100"])],
      [groups("5", ["0", "10"])].flat().length > 0 ? [groups("5", ["0", "10"])] : [],
    );
    const of = (index: number) => trueValues(file, 0, { take: "index", index });
    expect([await of(0), await of(1), await of(2)]).toEqual([
      [0, 200],
      [0, 500],
      [0, 300],
    ]);
    expect(await trueValues(file, 0, { take: "all" })).toEqual([0, 200, 0, 500, 0, 300]);
    expect(await refusal(file, options({ kind: "file" }, { take: "all" }))).toMatch(/different windows/);
  });

  test("frames become channels", async () => {
    const file = multi([groups("2", ["0", "100"]), groups("2", ["0", "100"])], []);
    const image = await decodeImage(file, "x", options({ kind: "file" }, { take: "all" }));
    expect(image).toMatchObject({ channels: 2, height: 1, width: 2 });
    expect(await refusal(file)).toMatch(/holds 2 frames/);
  });
});

const { Context, NativeCodecs } = dcmjsCodecs;

interface Encoding {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
  readonly allocated?: number;
  readonly stored?: number;
  readonly samples?: number;
  readonly signed?: number;
}

/** A frame compressed by the library's own encoders. */
async function encode(
  method: "encodeJpeg" | "encodeJpegLs" | "encodeJpeg2000" | "encodeHtJpeg2000",
  { allocated = 8, bytes, height, samples = 1, signed = 0, stored = allocated, width }: Encoding,
  parameters: Record<string, unknown>,
): Promise<Buffer> {
  await NativeCodecs.initializeAsync();
  const context = new Context({
    width,
    height,
    bitsAllocated: allocated,
    bitsStored: stored,
    samplesPerPixel: samples,
    pixelRepresentation: signed,
    planarConfiguration: 0,
    photometricInterpretation: samples === 3 ? "RGB" : "MONOCHROME2",
    decodedBuffer: bytes,
  });
  return Buffer.from(NativeCodecs[method](context, parameters).getEncodedBuffer() ?? []);
}

function wrapped(elements: readonly DicomElement[], syntax: string, pixels: Buffer): Buffer {
  return Buffer.concat([dicomFile(elements, syntax), pixels]);
}

const UID = "1.2.840.10008.1.2.4.";
const LOSSLESS = [
  ["JPEG lossless", `${UID}70`, "encodeJpeg", { lossy: false, predictor: 1 }],
  ["JPEG lossless, predictor 6", `${UID}57`, "encodeJpeg", { lossy: false, predictor: 6 }],
  ["JPEG-LS", `${UID}80`, "encodeJpegLs", { lossy: false }],
  ["JPEG 2000", `${UID}90`, "encodeJpeg2000", { lossy: false }],
  ["HTJ2K", `${UID}201`, "encodeHtJpeg2000", { lossy: false }],
  ["HTJ2K, RPCL", `${UID}202`, "encodeHtJpeg2000", { lossy: false, progressionOrder: 2 }],
] as const;

describe("lossless codecs give back what went in", () => {
  const [width, height] = [33, 17];
  const random = randomFrom(7);
  const smooth = Array.from({ length: width * height }, (_, at) =>
    Math.floor(1500 + 900 * Math.sin(at / 40) + random.integer(50)),
  );

  test.each(LOSSLESS)("%s, 8 bits", async (_, syntax, method, parameters) => {
    const bytes = Uint8Array.from(smooth, (value) => value >> 4);
    const frame = await encode(method, { width, height, bytes }, parameters);
    const file = wrapped(imageElements(height, width, bits(8)), syntax, encapsulated([frame]));
    expect((await decodeImage(file, "x")).data).toEqual(bytes);
  });

  test.each(LOSSLESS)("%s, 12 of 16 bits", async (_, syntax, method, parameters) => {
    const frame = await encode(method, { width, height, bytes: words(smooth), allocated: 16, stored: 12 }, parameters);
    const file = wrapped(imageElements(height, width, bits(16, 12)), syntax, encapsulated([frame]));
    expect([...(await decodeImage(file, "x")).data]).toEqual(smooth);
  });

  test.each(LOSSLESS)("%s, 16 bits signed", async (_, syntax, method, parameters) => {
    const values = smooth.map((value) => value - 1500);
    const encoding = { width, height, bytes: words(values), allocated: 16, stored: 16, signed: 1 };
    const frame = await encode(method, encoding, parameters);
    const file = wrapped(imageElements(height, width, bits(16, 16, 15, 1)), syntax, encapsulated([frame]));
    expect(await trueValues(file, -32768)).toEqual(values);
  });

  test.each(LOSSLESS)("%s, RGB, with and without the transform", async (_, syntax, method, parameters) => {
    const bytes = Uint8Array.from(
      { length: 3 * width * height },
      (_, at) => ((smooth[Math.floor(at / 3)] as number) >> 4) + 20 * (at % 3),
    );
    for (const allowMct of [true, false]) {
      const frame = await encode(method, { width, height, bytes, samples: 3 }, { ...parameters, allowMct });
      const file = wrapped(imageElements(height, width, colour("RGB")), syntax, encapsulated([frame]));
      const { data } = await decodeImage(file, "x");
      const area = width * height;
      expect(Array.from(bytes, (_, at) => data[(at % 3) * area + Math.floor(at / 3)])).toEqual([...bytes]);
    }
  });
});

describe("fragments", () => {
  const [width, height] = [16, 8];
  const values = (frame: number) => Uint8Array.from({ length: width * height }, (_, at) => at + 100 * frame);
  const elements = (frames: number) =>
    imageElements(height, width, { ...bits(8), ...changes(["0028,0008", "IS", String(frames)]) });
  const cut = (frame: Buffer): Buffer[] => [frame.subarray(0, 20), frame.subarray(20, 50), frame.subarray(50)];
  const decodeAll = async (file: Buffer): Promise<DecodedImage> =>
    decodeImage(file, "x", options({ kind: "stored" }, { take: "all" }));
  const both = Uint8Array.from([...values(0), ...values(1)]);

  test.each([
    ["JPEG", `${UID}70`, "encodeJpeg", { lossy: false }],
    ["JPEG 2000", `${UID}90`, "encodeJpeg2000", { lossy: false }],
  ] as const)(
    "%s: one frame in three; two frames by table, without table, and by the extended table",
    async (_, syntax, method, parameters) => {
      const encoded: Buffer[] = [];
      for (const frame of [0, 1]) {
        const one = await encode(method, { width, height, bytes: values(frame) }, parameters);
        encoded.push(one.length % 2 === 0 ? one : Buffer.concat([one, Buffer.alloc(1)]));
      }
      const [first, second] = encoded as [Buffer, Buffer];
      const single = wrapped(elements(1), syntax, encapsulated(cut(first)));
      expect((await decodeImage(single, "x")).data).toEqual(values(0));
      const fragments = [...cut(first), second.subarray(0, 30), second.subarray(30)];
      const table = [0, first.length + 24];
      expect((await decodeAll(wrapped(elements(2), syntax, encapsulated(fragments, table)))).data).toEqual(both);
      expect((await decodeAll(wrapped(elements(2), syntax, encapsulated(fragments)))).data).toEqual(both);
      const extended: DicomElement[] = [
        ["7fe0,0001", "OV", table],
        ["7fe0,0002", "OV", [first.length, second.length]],
      ];
      expect((await decodeAll(wrapped([...elements(2), ...extended], syntax, encapsulated(fragments)))).data).toEqual(
        both,
      );
      // A table that points between fragments, and fewer fragments than frames.
      expect(
        await refusal(
          wrapped(elements(2), syntax, encapsulated(fragments, [0, 13])),
          options({ kind: "stored" }, { take: "all" }),
        ),
      ).toMatch(/do not make up 2 frames/);
      expect(
        await refusal(
          wrapped(elements(9), syntax, encapsulated(fragments)),
          options({ kind: "stored" }, { take: "all" }),
        ),
      ).toMatch(/do not make up 9 frames/);
    },
  );
});

describe("run lengths", () => {
  // PS3.5 annex G: 128 is no operation, n < 128 copies n + 1 bytes, n > 128 repeats a byte 257 − n times.
  const segment = Buffer.from([253, 7, 128, 1, 8, 9]);
  const frame = (count: number, body: Buffer): Buffer => {
    const head = Buffer.alloc(64);
    head.writeUInt32LE(count, 0);
    for (let index = 0; index < count; index++) head.writeUInt32LE(64 + (index * body.length) / count, 4 + 4 * index);
    return Buffer.concat([head, body]);
  };
  const file = (bytes: Buffer) => wrapped(imageElements(2, 3, bits(8)), SYNTAX.rle, encapsulated([bytes]));

  test("decode", async () => {
    expect([...(await decodeImage(file(frame(1, segment)), "x")).data]).toEqual([7, 7, 7, 7, 8, 9]);
    const deep = wrapped(
      imageElements(2, 3),
      SYNTAX.rle,
      encapsulated([
        frame(
          2,
          Buffer.concat([segment, Buffer.from([251, 1])]).length % 2 === 0
            ? Buffer.concat([segment, segment])
            : segment,
        ),
      ]),
    );
    expect([...(await decodeImage(deep, "x")).data]).toEqual([7, 7, 7, 7, 8, 9].map((value) => 257 * value));
  });

  test("a segment that is short, long, missing or elsewhere is refused", async () => {
    expect(await refusal(file(frame(1, segment.subarray(0, 2))))).toMatch(/does not hold its share/);
    expect(await refusal(file(frame(1, Buffer.from([249, 7]))))).toMatch(/does not hold its share/);
    expect(await refusal(file(frame(2, segment)))).toMatch(/does not consist of 1 RLE segments/);
    const elsewhere = frame(1, segment);
    elsewhere.writeUInt32LE(5000, 4);
    expect(await refusal(file(elsewhere))).toMatch(/lies outside its frame/);
  });
});

describe("what a compressed frame says must fit", () => {
  const bytes = Uint8Array.from({ length: 128 }, (_, at) => at);

  test("another size, another number of samples, a missing end", async () => {
    const frame = await encode("encodeJpeg", { width: 16, height: 8, bytes }, { lossy: false });
    const of = (rows: number, columns: number, pixels: Buffer) =>
      wrapped(imageElements(rows, columns, bits(8)), `${UID}70`, encapsulated([pixels]));
    expect(await refusal(of(8, 15, frame))).toMatch(/declares 15 × 8 pixels of 1 samples, a frame has 16 × 8 of 1/);
    expect(await refusal(of(8, 16, frame.subarray(0, frame.length - 6)))).toMatch(/cut off/);
    const broken = Buffer.from(frame);
    broken.fill(0x55, frame.length - 40, frame.length - 2);
    await decodeImage(of(8, 16, broken), "x").catch((error: unknown) => expect(error).toBeInstanceOf(StepwedgeError));
    // A codec that stumbled is as good as new for the next file.
    expect((await decodeImage(of(8, 16, frame), "x")).data).toEqual(bytes);
  });

  test("a JPEG with scan upon scan", async () => {
    const frame = await encode("encodeJpeg", { width: 16, height: 8, bytes }, { lossy: true });
    const scan = frame.subarray(frame.indexOf(Buffer.from([0xff, 0xda])), -2);
    const many = Buffer.concat([frame.subarray(0, -2), ...Array.from({ length: 200 }, () => scan), frame.subarray(-2)]);
    const file = wrapped(imageElements(8, 16, bits(8)), `${UID}50`, encapsulated([many]));
    expect(await refusal(file)).toMatch(/more than 200 scans/);
  });

  test("unknown transfer syntaxes, and pixels that are written otherwise than theirs", async () => {
    const frame = await encode("encodeJpeg", { width: 16, height: 8, bytes }, { lossy: false });
    const elements = imageElements(8, 16, bits(8));
    expect(await refusal(wrapped(elements, "1.2.840.10008.1.2.4.100", encapsulated([frame])))).toMatch(
      /no codec for the transfer syntax/,
    );
    expect(await refusal(wrapped(elements, SYNTAX.explicit, encapsulated([frame])))).toMatch(
      /not written as its transfer syntax/,
    );
    expect(await refusal(dicomFile([...elements, PIXELS("OB", Buffer.from(bytes))], `${UID}70`))).toMatch(
      /not written as its transfer syntax/,
    );
  });

  test("sizes that the file cannot hold are refused before anything is allocated", async () => {
    const huge = dicomFile([...imageElements(65535, 65535), PIXELS("OW", words([1]))]);
    expect(await refusal(huge)).toMatch(/65535 × 65535/);
    const many = dicomFile([
      ...imageElements(1000, 1000, changes(["0028,0008", "IS", "999999999"])),
      PIXELS("OW", words([1])),
    ]);
    expect(await refusal(many, options({ kind: "stored" }, { take: "all" }))).toMatch(/2 of \d+ bytes/);
  });
});
