import { readFileSync } from "node:fs";
import { join } from "node:path";
import ajvDraft04 from "ajv-draft-04";
import { validateXML } from "xmllint-wasm";

/* The schemas that others published for the formats that we write: in test/reference, as their publishers have them. */

function published(name: string): string {
  return readFileSync(join(process.cwd(), "test", "reference", name), "utf8");
}

/** What is wrong with a SARIF log by the JSON Schema that GitHub takes (2.1.0-rtm.5), one line per fault. */
export function sarifFaults(log: unknown): string[] {
  // Some of its patterns are none under the stricter rules of Unicode.
  const ajv = new ajvDraft04.default({ strict: false, allErrors: true, validateFormats: false, unicodeRegExp: false });
  const validate = ajv.compile(JSON.parse(published("sarif-2.1.0-rtm.5.json")));
  if (validate(log)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** What is wrong with a JUnit document by the XML schema of Jenkins, one line per fault. */
export async function junitFaults(xml: string): Promise<string[]> {
  const { errors } = await validateXML({
    xml: { fileName: "junit.xml", contents: xml },
    schema: { fileName: "jenkins-junit.xsd", contents: published("jenkins-junit.xsd") },
  });
  return errors.map(({ message }) => message);
}
