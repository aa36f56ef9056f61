import { appendFileSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../../src/core/hash.js";
import { Journal } from "../../src/run/journal.js";

const KEY = sha256("study");
const file = () => join(mkdtempSync(join(tmpdir(), "stepwedge-journal-")), "x.journal");
const entry = (index: number) => ({ index, guard: index * 7, bytes: Uint8Array.of(index, index + 1, index + 2) });

function written(count: number): string {
  const path = file();
  const journal = new Journal(path, KEY);
  for (let index = 0; index < count; index++) journal.append(entry(index));
  journal.close();
  return path;
}

test("gives back what was appended", () => {
  expect(new Journal(written(3), KEY).entries).toEqual([entry(0), entry(1), entry(2)]);
});

test("a torn tail is cut off at every length, and the entries before it stay", () => {
  const whole = readFileSync(written(3));
  const oneEntry = (whole.length - 64) / 3;
  for (let length = 64; length < whole.length; length++) {
    const path = file();
    writeFileSync(path, whole.subarray(0, length));
    const journal = new Journal(path, KEY);
    expect(journal.entries.length).toBe(Math.floor((length - 64) / oneEntry));
    journal.append(entry(9));
    journal.close();
    expect(new Journal(path, KEY).entries.at(-1)).toEqual(entry(9));
  }
});

test("a flipped bit ends the journal before the entry that holds it", () => {
  const path = written(3);
  const bytes = readFileSync(path);
  const position = bytes.length - 6;
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  expect(new Journal(path, KEY).entries.length).toBe(2);
});

test("foreign bytes after the end and a shorter file are survived", () => {
  const path = written(2);
  appendFileSync(path, "garbage that is no entry");
  expect(new Journal(path, KEY).entries.length).toBe(2);
  truncateSync(path, 10);
  expect(new Journal(path, KEY).entries.length).toBe(0);
});

test("a journal of another study is started anew", () => {
  const path = written(2);
  expect(new Journal(path, sha256("other study")).entries).toEqual([]);
});
