/**
 * The page's one script, put together from functions of ours: their own text, in the order given, inside one function. So what
 * runs in the reader's browser is what the tests of these functions run, and nothing has to be bundled. A function here may use
 * what is listed here, and the browser; nothing else is there.
 */
import { decimal, EN_DASH, integer, MINUS, percent, percentagePoints, range } from "../common/format.js";
import { squareAndAdd } from "../../src/stats/estimate.js";
import { wilsonLimits } from "../../src/stats/proportion.js";
import { recoveredLimits, root } from "../../src/stats/ratio.js";
import { cellsOf, gapCell, rateCell } from "./explorer/cells.js";
import { DIGITS, unpacked } from "./explorer/packed.js";
import { unpackedClustered, unpackedGroup, unpackedShared } from "./explorer/payload.js";
import {
  boundedRate,
  correlationOf,
  decisionsAt,
  differenceAt,
  patientsOf,
  predictiveAt,
  rateOf,
  turnedRate,
} from "./explorer/rates.js";
import { nearestPlace, placeOf, thresholdText } from "./explorer/search.js";
import { startExplorer } from "./scripts/explorer.js";
import { compareValues, matches, sortValue, startFilters, startSorting } from "./scripts/tables.js";

type Parts = Readonly<Record<string, string | ((...given: never[]) => unknown)>>;

const TABLES: Parts = { sortValue, compareValues, matches, startSorting, startFilters };

const EXPLORER: Parts = {
  ...{ MINUS, EN_DASH, DIGITS },
  ...{ decimal, integer, percent, percentagePoints, range },
  ...{ wilsonLimits, squareAndAdd, recoveredLimits, root },
  ...{ unpacked, unpackedClustered, unpackedShared, unpackedGroup },
  ...{ rateOf, turnedRate, correlationOf, boundedRate, patientsOf, decisionsAt, differenceAt, predictiveAt },
  ...{ rateCell, gapCell, cellsOf, nearestPlace, placeOf, thresholdText, startExplorer },
};

/** The script's text; the explorer is in it where the page has one. */
export function pageScript(withExplorer: boolean): string {
  const parts = Object.entries({ ...TABLES, ...(withExplorer ? EXPLORER : {}) }).map(([name, part]) => {
    if (typeof part === "string") return `const ${name} = ${JSON.stringify(part)};`;
    if (part.name !== name) throw new Error(`${name} is called ${part.name} in its own file`);
    return String(part);
  });
  const starts = [...(withExplorer ? ["startExplorer"] : []), "startSorting", "startFilters"];
  return `(() => {\n"use strict";\n${parts.join("\n")}\n${starts.map((name) => `${name}();`).join("\n")}\n})();`;
}
