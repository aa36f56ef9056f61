import { nearestPlace, placeOf, thresholdText } from "../../../reports/html/explorer/search.js";
import { pageScript } from "../../../reports/html/script.js";
import { compareValues, matches, sortValue } from "../../../reports/html/scripts/tables.js";

const counts = {
  positives: 10,
  negatives: 20,
  patients: 30,
  truePositives: [1, 5, 9, 9, 10],
  falsePositives: [0, 1, 2, 6, 20],
  clustered: null,
  reference: null,
};

test("the highest threshold that is sensitive enough, the lowest that is specific enough", () => {
  expect(placeOf(counts, "sensitivity", 0.9)).toBe(2);
  expect(placeOf(counts, "sensitivity", 0.91)).toBe(4);
  expect(placeOf(counts, "specificity", 0.9)).toBe(2);
  expect(placeOf(counts, "specificity", 0.96)).toBe(0);
  expect(placeOf({ ...counts, truePositives: [1, 2, 3, 4, 5] }, "sensitivity", 0.9)).toBe(-1);
  expect(placeOf({ ...counts, positives: 0, truePositives: [0, 0, 0, 0, 0] }, "sensitivity", 0.9)).toBe(-1);
});

test("0.7 asked for in percent is not missed by its rounding", () => {
  const seven = { ...counts, truePositives: [7, 7, 7, 7, 7] };
  expect(placeOf(seven, "sensitivity", Number("70.00000000001") / 100 - 1e-13)).toBe(0);
  expect(placeOf({ ...counts, falsePositives: [6, 6, 6, 6, 6] }, "specificity", 70 / 100)).toBe(4);
});

test("the nearest threshold of the grid", () => {
  expect(nearestPlace([0.9, 0.5, 0.1], 0.29)).toBe(2);
  expect(nearestPlace([0.9, 0.5, 0.1], 7)).toBe(0);
  expect(thresholdText(0.5866175789173301)).toBe("0.586618");
  expect(thresholdText(0.5)).toBe("0.5");
});

test("cells are put in order by their first number; those without one come last, whatever the direction", () => {
  const texts = ["79.1%72.7–84.2%", "not estimable", "−6.9 pp", "1,204", "≈ 3.5", "> 12.0", "–", "0.812"];
  const order = (direction: 1 | -1) => texts.toSorted((a, b) => compareValues(sortValue(a), sortValue(b), direction));
  expect(order(1)).toEqual(["−6.9 pp", "0.812", "≈ 3.5", "> 12.0", "79.1%72.7–84.2%", "1,204", "not estimable", "–"]);
  expect(order(-1).slice(0, 2)).toEqual(["1,204", "79.1%72.7–84.2%"]);
  expect(order(-1).slice(-2).toSorted()).toEqual(["not estimable", "–"].toSorted());
});

test("a filter wants every word, whatever the case and the order", () => {
  expect(matches("AUC gap across view", "VIEW auc")).toBe(true);
  expect(matches("AUC gap across view", "view sex")).toBe(false);
});

test.each([true, false])("the page's script can be read, and ends no block (explorer: %s)", (withExplorer) => {
  const script = pageScript(withExplorer);
  expect(() => new Function(script)).not.toThrow();
  expect(script).not.toMatch(/<\/script|<!--/i);
  expect(script.includes("startExplorer")).toBe(withExplorer);
});

test("every function that the script calls by name is in it, or is the browser's", () => {
  const script = pageScript(true).replace(/`[^`]*`|"[^"]*"|\/\\B[^/]*\/+g|\/\/.*|\/\*[\s\S]*?\*\//g, "");
  const called = new Set([...script.matchAll(/(?<![.\w])([a-zA-Z_]\w*)\(/g)].map(([, name]) => name as string));
  const declared = new Set([...script.matchAll(/(?:function|const|let) (\w+)/g)].map(([, name]) => name as string));
  const parameters = new Set(["limitsOfA", "limitsOfB", "list"]);
  const browser = new Set([
    "Number",
    "String",
    "Map",
    "clearTimeout",
    "if",
    "for",
    "while",
    "return",
    "switch",
    "function",
  ]);
  const unknown = [...called].filter((name) => ![declared, parameters, browser].some((known) => known.has(name)));
  expect(unknown).toEqual([]);
});
