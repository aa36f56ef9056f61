import json from "../../reports/json.js";
import { fakeRecord } from "../support/fake-record.js";

test("findings.json holds the findings at full double precision, and ends with a newline", () => {
  const record = fakeRecord({ attacked: false });
  const text = json.render(record) as string;
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(record.findings)));
  expect(text.endsWith("}\n")).toBe(true);
});
