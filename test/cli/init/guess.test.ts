import { join } from "node:path";
import { guessTable, type TableGuess } from "../../../src/cli/init/guess.js";
import { previewTable } from "../../../src/data/table/preview.js";
import { sharedData } from "../../support/shared-data.js";

/** A guess from columns; shorter columns are repeated to the longest one's length. */
function guess(columns: Readonly<Record<string, readonly string[]>>): TableGuess {
  const rows = Math.max(...Object.values(columns).map((cells) => cells.length));
  return guessTable({
    names: Object.keys(columns),
    columns: Object.values(columns).map((cells) =>
      Array.from({ length: rows }, (_, row) => cells[row % cells.length] ?? ""),
    ),
    rows,
  });
}

const IDS = Array.from({ length: 12 }, (_, row) => `s${row}`);
const FILES = IDS.map((id) => `images/${id}.png`);

describe("roles of columns", () => {
  test("each is found by its usual name", () => {
    const found = guess({
      Image_Index: IDS,
      file: FILES,
      "Patient ID": ["p1", "p1", "p2"],
      fold: ["train", "val", "test"],
      Target: ["0", "1"],
      Gender: ["F", "M"],
      Age: ["7", "44", "081Y", ""],
      view_position: ["AP", "PA"],
      hospital: ["A", "B"],
      Manufacturer: ["X", "Y"],
    });
    expect(found).toMatchObject({
      id: "Image_Index",
      image: "file",
      patient: "Patient ID",
      split: { column: "fold", tuning: "val", evaluation: "test" },
      labels: [{ name: "Target", column: "Target", words: null }],
      attributes: [
        { name: "sex", column: "Gender", bins: null },
        { name: "age", column: "Age", bins: [0, 18, 40, 60, 80, 120] },
        { name: "view", column: "view_position", bins: null },
        { name: "site", column: "hospital", bins: null },
        { name: "scanner", column: "Manufacturer", bins: null },
      ],
    });
  });

  test("the image is known by its files, whatever the column is called", () => {
    expect(guess({ id: IDS, radiograph: FILES }).image).toBe("radiograph");
  });

  test("an id must be unique; without one, the images are", () => {
    expect(guess({ id: ["a", "b"], path: FILES }).id).toBe("path");
    expect(guess({ accession: IDS, path: ["x.png", "y.png"] }).id).toBe("accession");
  });

  test("a split without both sides is told as it is", () => {
    expect(guess({ id: IDS, split: ["test"] }).split).toEqual({
      column: "split",
      values: ["test"],
      tuning: null,
      evaluation: "test",
    });
  });

  test("nothing is guessed where nothing is there", () => {
    expect(guess({ a: ["x", "x"], b: ["y", "y"] })).toMatchObject({
      id: null,
      image: null,
      patient: null,
      split: null,
      labels: [],
      attributes: [],
      scores: [],
    });
  });
});

describe("labels", () => {
  test.each([
    ["no_finding", "pneumonia", "pneumonia"],
    ["malignant", "benign", "malignant"],
    ["Normal", "Abnormal", "Abnormal"],
    ["neg", "pos", "pos"],
    ["non-referable", "referable", "referable"],
    ["no nodule", "nodule", "nodule"],
  ])("of %s and %s, %s is positive", (first, second, positive) => {
    for (const values of [
      [first, second],
      [second, first],
    ]) {
      expect(guess({ id: IDS, label: values }).labels).toEqual([
        { name: positive, column: "label", words: { positive, negative: positive === first ? second : first } },
      ]);
    }
  });

  test("where neither word denies, the rarer one is positive", () => {
    expect(guess({ id: IDS, label: ["mass", "cyst", "cyst"] }).labels[0]?.words?.positive).toBe("mass");
    expect(guess({ id: IDS, label: ["mass", "mass", "cyst"] }).labels[0]?.words?.positive).toBe("cyst");
  });

  test("without a column called label, every column of 0 and 1 is a class", () => {
    const { labels } = guess({
      id: IDS,
      y_Edema: ["0", "1"],
      Effusion: ["0", "1", ""],
      sex: ["0", "1"],
      n: ["0", "1", "2"],
    });
    expect(labels.map(({ name, column }) => [name, column])).toEqual([
      ["Edema", "y_Edema"],
      ["Effusion", "Effusion"],
    ]);
  });
});

describe("attributes", () => {
  test("age groups give way to ages in years", () => {
    expect(
      guess({ id: IDS, age: ["30", "50"], age_band: ["20-39", "40-59"] }).attributes.map((one) => one.name),
    ).toEqual(["age"]);
    expect(guess({ id: IDS, age_band: ["20-39", "40-59"] }).attributes).toEqual([
      { name: "age-group", column: "age_band", bins: null },
    ]);
  });

  test("a column of one value, or of too many, divides nothing", () => {
    const many = Array.from({ length: 30 }, (_, site) => `hospital ${site}`);
    expect(
      guess({ id: [...IDS, ...IDS, ...IDS].map((id, row) => `${id}/${row}`), sex: ["F"], site: many }).attributes,
    ).toEqual([]);
  });

  test("ages that are no numbers get no bins", () => {
    expect(guess({ id: IDS, age: ["young", "old"] }).attributes).toEqual([{ name: "age", column: "age", bins: null }]);
  });
});

test("scores are numbers in [0, 1] by name and content, in every row", () => {
  const scores = ["0.1", "0.72", "1e-3"];
  expect(
    guess({ id: IDS, p_edema: scores, prob: ["0.1", "2", "0.3"], score: ["0", "1"], prediction: ["0.2", "", "0.3"] })
      .scores,
  ).toEqual(["p_edema"]);
});

(sharedData === null ? describe.skip : describe)("real tables (../shared/data)", () => {
  const table = (name: string) => previewTable(join(sharedData ?? "", name), 1000).then(guessTable);

  test("NIH chest X-rays", async () => {
    expect(await table("cxr-nih-160/manifest.csv")).toMatchObject({
      id: "id",
      image: "path",
      patient: "patient_id",
      split: { column: "split", tuning: "val", evaluation: "test" },
      labels: [{ name: "pneumonia", words: { positive: "pneumonia", negative: "no_finding" } }],
      attributes: [{ name: "sex" }, { name: "age" }, { name: "view" }],
    });
  });

  test("HAM10000, whose split is all test", async () => {
    expect(await table("skin-ham-128/manifest.csv")).toMatchObject({
      image: "path",
      split: { tuning: null, evaluation: "test" },
      labels: [{ name: "malignant", words: { positive: "malignant", negative: "benign" } }],
      attributes: [{ name: "sex" }, { name: "age" }, { name: "site" }],
    });
  });
});
